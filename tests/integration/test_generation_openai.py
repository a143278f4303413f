"""The OpenAI-compatible engine against small servers on loopback that behave, misbehave or say nothing."""

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.errors import Cancelled, GenerationError, SettingsError
from rag.generation import Piece, Prompt, Usage
from rag.generation.openai import OpenAIGenerator

KEY = "sk-not-to-be-seen"
PROMPT = Prompt(({"role": "user", "content": "Where?"},))
Answer = Callable[[BaseHTTPRequestHandler], None]


def never() -> bool:
    return False


def after(seconds: float) -> Callable[[], bool]:
    start = time.monotonic()
    return lambda: time.monotonic() - start > seconds


class Fake:
    """A server that answers every request with one function, and keeps what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.asked: list[dict[str, Any]] = []
        self.hung_up = threading.Event()
        self.ended = threading.Event()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                fake.asked.append({"path": self.path, "key": self.headers.get("Authorization"), **json.loads(body)})
                answer(self)

            def log_message(self, *arguments: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.fake = self  # type: ignore[attr-defined]
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1"

    def engine(self, timeout_s: float = 5, url: str = "") -> OpenAIGenerator:
        return OpenAIGenerator(url or self.url, KEY, "small", timeout_s)


@contextmanager
def serving(answer: Answer) -> Iterator[Fake]:
    fake = Fake(answer)
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield fake
    fake.ended.set()
    fake.server.shutdown()
    fake.server.server_close()
    thread.join()


def body(data: bytes, status: int = 200, kind: str = "text/event-stream") -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        handler.send_header("Content-Type", kind)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def silent(headers: bool, first: bytes = b"") -> Answer:
    """Say nothing more until the asker hangs up, which is noted."""

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if headers:
            body(first)(handler)
        fake = handler.server.fake  # type: ignore[attr-defined]
        handler.connection.settimeout(0.02)
        while not fake.ended.is_set():
            try:
                if not handler.connection.recv(1):
                    fake.hung_up.set()
                    return
            except TimeoutError:
                continue
            except OSError:
                fake.hung_up.set()
                return

    return answer


def event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def said(text: str | None, finish: str | None = None, **more: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}]})


def told(engine: OpenAIGenerator, prompt: Prompt = PROMPT) -> str:
    """Return the sentence that a failing stream raises."""
    with pytest.raises(GenerationError) as caught:
        list(engine.stream(prompt, 8, never))
    assert not isinstance(caught.value, Cancelled)
    message = str(caught.value)
    assert KEY not in message
    assert "\n" not in message
    assert message.endswith(".")
    return message


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


def test_a_good_stream_is_text_and_then_usage() -> None:
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
def test_pieces_may_be_cut_anywhere(end: str) -> None:
    def dribble(handler: BaseHTTPRequestHandler) -> None:
        body(b"")(handler)
        for byte in GOOD.replace(b"\n", end.encode()):
            handler.wfile.write(bytes([byte]))

    with serving(dribble) as fake:
        assert list(fake.engine().stream(PROMPT, 8, never))[:2] == [Piece("Hang\u2028"), Piece("杭州")]


def test_a_stream_without_usage_or_done_is_whole_once_it_says_that_it_finished() -> None:
    with serving(body(said("yes", "stop").rstrip())) as fake:
        assert list(fake.engine().stream(PROMPT, 8, never)) == [Piece("yes")]


@pytest.mark.parametrize("tail", ["", "/", "/chat/completions"])
def test_the_url_is_taken_in_its_common_spellings(tail: str) -> None:
    with serving(body(GOOD)) as fake:
        list(fake.engine(url=fake.url + tail).stream(PROMPT, 8, never))
    assert fake.asked[0]["path"] == "/v1/chat/completions"


@pytest.mark.parametrize(
    ("status", "data", "words"),
    [
        (500, b"<html>oops</html>", "answered 500 Internal Server Error."),
        (401, f'{{"error": {{"message": "Wrong key\\n{KEY}."}}}}'.encode(), "401 Unauthorized (Wrong key …); check api_key."),
        (404, b'{"detail": "no such model"}', "404 Not Found (no such model); check base_url and remote_model."),
        (302, b"", "answered 302 Found."),
        (500, b"\xff\xfe", "answered 500 Internal Server Error."),
    ],
)
def test_a_refusal_says_what_was_asked_and_what_the_server_said(status: int, data: bytes, words: str) -> None:
    with serving(body(data, status)) as fake:
        message = told(fake.engine())
        assert message.startswith(f"The server at {fake.url}/chat/completions, asked for 'small', ")
    assert message.endswith(words)


NO_STREAM = "sent something that is not a stream of chat completions."


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"<html>hello</html>", NO_STREAM),
        (b"data: {not json}\n\n", NO_STREAM),
        (b"data: [1, 2]\n\n", NO_STREAM),
        (b"data: " + b"[" * 200_000 + b"\n\n", NO_STREAM),
        (b"x" * 3_000_000, NO_STREAM),
        (b"\x00\x01\x02\xff", NO_STREAM),
        (said("杭州").replace("州".encode(), b"\xe5\xb7"), "sent text that is not UTF-8."),
        (event({"error": {"message": "out of memory"}}), "failed: out of memory."),
        (b'error: {"message": "out of memory"}\n\n', "failed: out of memory."),
        (event({"error": KEY}), "failed: …."),
        (b"", "broke off before the answer's end."),
        (said("half an"), "broke off before the answer's end."),
    ],
)
def test_garbage_is_one_sentence(data: bytes, words: str) -> None:
    with serving(body(data)) as fake:
        assert told(fake.engine()).endswith(f"asked for 'small', {words}")


@pytest.mark.parametrize(
    "chunk",
    [{}, {"choices": None}, {"choices": [None, 3]}, {"choices": [{"delta": None}]}, {"choices": {"a": 1}, "usage": "much"}],
)
def test_chunks_of_unexpected_shape_hold_no_text(chunk: object) -> None:
    with serving(body(event(chunk) + DONE)) as fake:
        assert list(fake.engine().stream(PROMPT, 8, never)) == []


def test_a_body_that_breaks_off_is_one_sentence() -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(said("half"))

    with serving(cut) as fake:
        assert "asked for 'small', failed: peer closed connection" in told(fake.engine())


def test_a_server_that_is_not_there_is_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    message = told(OpenAIGenerator(url, KEY, "small", 5))
    assert message.startswith(f"The server at {url}/chat/completions, asked for 'small', could not be reached (")


def test_a_password_in_the_url_is_not_told() -> None:
    with serving(body(b"", 500)) as fake:
        assert "hidden" not in told(fake.engine(url=fake.url.replace("//", "//user:hidden@") + "?key=hidden"))


@pytest.mark.parametrize("answer", [silent(headers=False), silent(headers=True), silent(True, said("Hang"))])
def test_a_silent_server_is_left_at_once_when_the_reader_stops(answer: Answer) -> None:
    with serving(answer) as fake:
        start = time.monotonic()
        with pytest.raises(Cancelled):
            list(fake.engine().stream(PROMPT, 8, after(0.2)))
        assert time.monotonic() - start < 3
        assert fake.hung_up.wait(5)


def test_stop_is_asked_every_50_ms_while_the_server_is_silent() -> None:
    times: list[float] = []

    def stop() -> bool:
        times.append(time.monotonic())
        return len(times) > 8

    with serving(silent(headers=True)) as fake, pytest.raises(Cancelled):
        list(fake.engine().stream(PROMPT, 8, stop))
    gaps = sorted(b - a for a, b in itertools.pairwise(times))
    assert gaps[len(gaps) // 2] < 0.25


def test_leaving_a_stream_closes_its_connection() -> None:
    with serving(silent(True, said("Hang"))) as fake:
        steps = fake.engine().stream(PROMPT, 8, never)
        assert next(steps) == Piece("Hang")
        steps.close()  # type: ignore[attr-defined]
        assert fake.hung_up.wait(5)
    assert not [thread for thread in threading.enumerate() if thread.name == "openai"]


def test_a_server_that_takes_too_long_is_an_error() -> None:
    with serving(silent(True, said("Hang"))) as fake:
        message = told(fake.engine(timeout_s=0.3))
    assert "did not finish within 0.3 s (timeout_s)." in message


def test_choose_adds_up_the_spellings_of_each_choice() -> None:
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
def test_choose_is_zeros_where_the_server_cannot_tell(answer: Answer) -> None:
    with serving(answer) as fake:
        assert fake.engine().choose(PROMPT, ("yes", "no"), never).chances == (0.0, 0.0)


def test_choose_raises_where_the_server_failed() -> None:
    with serving(body(b"", 500)) as fake, pytest.raises(GenerationError, match="answered 500"):
        fake.engine().choose(PROMPT, ("yes", "no"), never)


def test_read_asks_nothing() -> None:
    with serving(body(GOOD)) as fake:
        fake.engine().read(PROMPT, never)
    assert fake.asked == []


def test_a_closed_engine_says_so() -> None:
    engine = OpenAIGenerator("http://127.0.0.1:1/v1", "", "small", 5)
    engine.close()
    assert told(engine) == "The engine is closed; make a new one."


@pytest.mark.parametrize("url", ["", "127.0.0.1:80/v1", "http://", "ftp://host/v1", "/v1"])
def test_a_url_that_is_no_server_is_refused(url: str) -> None:
    with pytest.raises(SettingsError, match="use a URL such as http://127"):
        OpenAIGenerator(url, "", "small", 5)


@pytest.mark.parametrize("key", ["two\nlines", "schlüssel"])
def test_a_key_that_no_header_can_carry_is_refused_without_being_told(key: str) -> None:
    with pytest.raises(SettingsError) as caught:
        OpenAIGenerator("http://127.0.0.1:1/v1", key, "small", 5)
    assert key not in str(caught.value)


def test_a_proxy_from_the_environment_is_not_asked_for_a_server_on_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with serving(body(GOOD)) as fake:
        assert len(list(fake.engine().stream(PROMPT, 8, never))) == 3
