"""Start small servers on loopback that answer the OpenAI-compatible engine as a test specifies."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from rag.errors import Cancelled, GenerationError
from rag.generation import Prompt
from rag.generation.openai import OpenAIGenerator

KEY = "sk-not-to-be-seen"
PROMPT = Prompt(({"role": "user", "content": "Where?"},))
Answer = Callable[[BaseHTTPRequestHandler], None]


def never() -> bool:
    return False


class Fake:
    """A server that answers every request with one function, and records the requests."""

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


def event(chunk: object) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"


def said(text: str | None, finish: str | None = None, **more: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": finish, **more}]})


def told(engine: OpenAIGenerator, prompt: Prompt = PROMPT) -> str:
    """Return the error message of a failing stream, after checking that it is one line and does not contain the key."""
    with pytest.raises(GenerationError) as caught:
        list(engine.stream(prompt, 8, never))
    assert not isinstance(caught.value, Cancelled)
    message = str(caught.value)
    assert KEY not in message
    assert "\n" not in message
    assert message.endswith(".")
    return message
