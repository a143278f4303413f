"""Test the OpenAI-compatible engine with well-behaved servers: its requests, and what it reads from the responses."""

import json
from http.server import BaseHTTPRequestHandler

import pytest
from openai_server import KEY, PROMPT, Answer, body, event, never, said, serving, told

from rag.errors import GenerationError, PromptTooLongError, SettingsError
from rag.generation import Piece, Usage
from rag.generation.openai import OpenAIGenerator

DONE = b"data: [DONE]\n\n"
GOOD = (
    b": a comment\n\nevent: message\n"
    + said(None)
    + said("Hang\u2028")
    + said("杭州", "stop")
    + event(
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 4}}}
    )
    + DONE
)


def test_a_valid_stream_yields_text_and_then_usage() -> None:
    with serving(body(GOOD)) as fake:
        steps = list(fake.engine().stream(PROMPT, 8, never))
    assert steps == [Piece("Hang\u2028"), Piece("杭州"), Usage(prompt=9, read=5, written=2)]
    assert fake.asked == [
        {
            "path": "/v1/chat/completions",
            "key": f"Bearer {KEY}",
            "model": "small",
            "temperature": 0.0,
            "stream": True,
            "messages": [{"role": "user", "content": "Where?"}],
            "max_tokens": 8,
            "stream_options": {"include_usage": True},
        }
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stream_that_arrives_byte_by_byte_is_read(end: str) -> None:
    def dribble(handler: BaseHTTPRequestHandler) -> None:
        body(b"")(handler)
        for byte in GOOD.replace(b"\n", end.encode()):
            handler.wfile.write(bytes([byte]))

    with serving(dribble) as fake:
        assert list(fake.engine().stream(PROMPT, 8, never))[:2] == [Piece("Hang\u2028"), Piece("杭州")]


def test_a_stream_without_usage_or_done_is_complete_once_it_has_a_finish_reason() -> None:
    with serving(body(said("yes", "stop").rstrip())) as fake:
        assert list(fake.engine().stream(PROMPT, 8, never)) == [Piece("yes")]


@pytest.mark.parametrize(
    "data",
    [
        said("yes", "stop") + b"data: [DONE] \n\n",
        said("yes", "stop") + b"data:[DONE]\n\n",
        "\ufeff".encode() + said("yes", "stop") + DONE,
        b"data:\n\ndata\n\n" + said("yes", "stop") + DONE,
    ],
    ids=["a space behind the end", "no space before it", "a mark of the order of bytes", "events without data"],
)
def test_every_valid_form_of_an_event_stream_is_read(data: bytes) -> None:
    with serving(body(data)) as fake:
        assert list(fake.engine().stream(PROMPT, 8, never)) == [Piece("yes")]


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (["<think>", "Where?", "</think>", "\n\n", "Here."], ["Here."]),
        (["\n<thi", "nk>Where?</th", "ink>\n\nHere", "."], ["Here", "."]),
        (["<think>Where?"], []),
        (["<th>", "Here."], ["<th>", "Here."]),
        (["Here.", "<think>", "</think>"], ["Here.", "<think>", "</think>"]),
    ],
    ids=["by tokens", "across pieces", "never ended", "another tag", "not at the beginning"],
)
def test_reasoning_before_the_answer_is_left_out(pieces: list[str], text: list[str]) -> None:
    with serving(body(b"".join(map(said, pieces)) + said(None, "stop") + DONE)) as fake:
        assert [step.text for step in fake.engine().stream(PROMPT, 8, never)] == text


@pytest.mark.parametrize("tail", ["", "/", "/chat/completions"])
def test_common_forms_of_the_base_url_lead_to_the_same_endpoint(tail: str) -> None:
    with serving(body(GOOD)) as fake:
        list(fake.engine(url=fake.url + tail).stream(PROMPT, 8, never))
    assert fake.asked[0]["path"] == "/v1/chat/completions"


@pytest.mark.parametrize(
    "chunk",
    [{}, {"choices": None}, {"choices": [None, 3]}, {"choices": [{"delta": None}]}, {"choices": {"a": 1}, "usage": "much"}],
)
def test_chunks_of_an_unexpected_shape_yield_no_text(chunk: object) -> None:
    with serving(body(event(chunk) + DONE)) as fake:
        assert list(fake.engine().stream(PROMPT, 8, never)) == []


def test_choose_sums_the_probabilities_of_all_tokens_that_spell_a_choice() -> None:
    top = [
        {"token": "yes", "logprob": -1.0},
        {"token": " yes", "logprob": -2.0},
        {"token": "no", "logprob": -3.0},
        {"token": 3},
    ]
    data = said("yes", "length", logprobs={"content": [{"token": "yes", "logprob": -1.0, "top_logprobs": top}]})
    data += event({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 1}}) + DONE
    with serving(body(data)) as fake:
        found = fake.engine().choose(PROMPT, ("yes", "no", "maybe"), never)
    assert found.chances == pytest.approx((0.36788 + 0.13534, 0.04979, 0.0), abs=1e-4)
    assert found.usage == Usage(prompt=9, read=9, written=1)
    assert (fake.asked[0]["max_tokens"], fake.asked[0]["logprobs"], fake.asked[0]["top_logprobs"]) == (1, True, 20)


@pytest.mark.parametrize("answer", [body(said("yes", "length") + DONE), body(b'{"error": "no logprobs here"}', 400)])
def test_choose_returns_zeros_if_the_server_gives_no_log_probabilities(answer: Answer) -> None:
    with serving(answer) as fake:
        assert fake.engine().choose(PROMPT, ("yes", "no"), never).chances == (0.0, 0.0)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "-1e400", "-" + "9" * 400, "null", "[]", '"much"'])
def test_a_log_probability_that_is_not_a_finite_number_is_ignored(number: str) -> None:
    top = f'[{{"token": "yes", "logprob": {number}}}, {{"token": "no", "logprob": -0.1}}]'
    data = f'data: {{"choices": [{{"logprobs": {{"content": [{{"top_logprobs": {top}}}]}}}}]}}\n\n'.encode()
    with serving(body(data + DONE)) as fake:
        assert fake.engine().choose(PROMPT, ("yes", "no"), never).chances == pytest.approx((0.0, 0.90484), abs=1e-5)


LONG = {"code": 400, "type": "exceed_context_size_error", "n_prompt_tokens": 5000, "n_ctx": 4096}
TOO_LONG = "The prompt has 5,000 tokens, but the engine's context is 4,096; shorten the question."


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (LONG, 400, TOO_LONG),
        (LONG, 200, TOO_LONG),
        (
            {"code": "context_length_exceeded"},
            400,
            "The prompt has more tokens than the server's context; shorten the question.",
        ),
    ],
    ids=["refused", "told in the stream", "without figures"],
)
def test_a_prompt_that_exceeds_the_servers_context_raises_prompt_too_long_error(
    error: dict[str, object], status: int, words: str
) -> None:
    with serving(body(event({"error": error}) if status == 200 else json.dumps({"error": error}).encode(), status)) as fake:
        for ask in (lambda engine: list(engine.stream(PROMPT, 8, never)), lambda engine: engine.choose(PROMPT, ("a",), never)):
            with pytest.raises(PromptTooLongError) as caught:
                ask(fake.engine())
            assert str(caught.value) == words


def test_choose_raises_an_error_if_the_server_fails() -> None:
    with serving(body(b"", 500)) as fake, pytest.raises(GenerationError, match="answered 500"):
        fake.engine().choose(PROMPT, ("yes", "no"), never)


def test_read_sends_no_request() -> None:
    with serving(body(GOOD)) as fake:
        fake.engine().read(PROMPT, never)
    assert fake.asked == []


def test_a_closed_engine_raises_an_error() -> None:
    engine = OpenAIGenerator("http://127.0.0.1:1/v1", "", "small", 5)
    engine.close()
    assert told(engine) == "The engine is closed; make a new one."


@pytest.mark.parametrize("url", ["", "127.0.0.1:80/v1", "http://", "ftp://host/v1", "/v1"])
def test_an_invalid_base_url_is_refused_with_an_example(url: str) -> None:
    with pytest.raises(SettingsError, match="use one such as http://127"):
        OpenAIGenerator(url, "", "small", 5)


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_is_invalid_in_a_header_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OpenAIGenerator("http://127.0.0.1:1/v1", key, "small", 5)
    assert key not in str(caught.value)


def test_a_proxy_from_the_environment_is_not_used_for_a_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(body(GOOD)) as fake:
        assert len(list(fake.engine().stream(PROMPT, 8, never))) == 3
