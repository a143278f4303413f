"""Test the OpenAI-compatible engine with failing servers: each failure is reported in one sentence, without a long wait."""

import itertools
import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest
from openai_server import KEY, PROMPT, Answer, body, event, never, said, serving, told

from rag.errors import Cancelled
from rag.generation import Piece
from rag.generation.openai import OpenAIGenerator


def after(seconds: float) -> Callable[[], bool]:
    start = time.monotonic()
    return lambda: time.monotonic() - start > seconds


def silent(headers: bool, first: bytes = b"") -> Answer:
    """Send nothing more until the client disconnects, and record that it did."""

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
def test_an_error_status_is_reported_with_the_url_the_model_and_the_servers_message(
    status: int, data: bytes, words: str
) -> None:
    with serving(body(data, status)) as fake:
        message = told(fake.engine())
        assert message.startswith(f"The server at {fake.url}/chat/completions (model 'small') ")
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
        (event({"object": "error", "message": "out of memory", "code": 500}), "failed: out of memory."),
        (b'error: {"message": "out of memory"}\n\n', "failed: out of memory."),
        (event({"error": KEY}), "failed: …."),
        (b"", "ended its reply before the answer was complete."),
        (said("half an"), "ended its reply before the answer was complete."),
    ],
)
def test_an_invalid_stream_raises_a_one_sentence_error(data: bytes, words: str) -> None:
    with serving(body(data)) as fake:
        assert told(fake.engine()).endswith(f"(model 'small') {words}")


def test_a_truncated_body_raises_a_one_sentence_error() -> None:
    def cut(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        handler.end_headers()
        handler.wfile.write(said("half"))

    with serving(cut) as fake:
        assert "(model 'small') failed: peer closed connection" in told(fake.engine())


def test_an_unreachable_server_is_named_in_the_error() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    message = told(OpenAIGenerator(url, KEY, "small", 5))
    assert message.startswith(f"The server at {url}/chat/completions (model 'small') could not be reached (")


def test_secrets_in_the_url_are_not_shown_in_the_error() -> None:
    with serving(body(b"", 500)) as fake:
        assert "hidden" not in told(fake.engine(url=fake.url.replace("//", "//user:hidden@") + "?key=hidden"))


@pytest.mark.parametrize("answer", [silent(headers=False), silent(headers=True), silent(True, said("Hang"))])
def test_stopping_disconnects_from_a_silent_server_within_three_seconds(answer: Answer) -> None:
    with serving(answer) as fake:
        start = time.monotonic()
        with pytest.raises(Cancelled):
            list(fake.engine().stream(PROMPT, 8, after(0.2)))
        assert time.monotonic() - start < 3
        assert fake.hung_up.wait(5)


def test_stop_is_polled_several_times_a_second_while_the_server_is_silent() -> None:
    times: list[float] = []

    def stop() -> bool:
        times.append(time.monotonic())
        return len(times) > 8

    with serving(silent(headers=True)) as fake, pytest.raises(Cancelled):
        list(fake.engine().stream(PROMPT, 8, stop))
    gaps = sorted(b - a for a, b in itertools.pairwise(times))
    assert gaps[len(gaps) // 2] < 0.25


def test_closing_a_stream_closes_its_connection_and_ends_its_thread() -> None:
    with serving(silent(True, said("Hang"))) as fake:
        steps = fake.engine().stream(PROMPT, 8, never)
        assert next(steps) == Piece("Hang")
        steps.close()  # type: ignore[attr-defined]
        assert fake.hung_up.wait(5)
    assert not [thread for thread in threading.enumerate() if thread.name == "openai"]


def test_a_server_that_exceeds_the_time_limit_raises_an_error() -> None:
    with serving(silent(True, said("Hang"))) as fake:
        message = told(fake.engine(timeout_s=0.3))
    assert "did not finish within 0.3 s (timeout_s)." in message
