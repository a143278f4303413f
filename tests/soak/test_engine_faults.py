"""Test engines that die, hang, return nothing, never end or send invalid characters, and the question after that."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from fakes import DRAFT, FOUNDED, FakeEmbedder, assert_exact
from local_server import running

from rag.errors import GenerationError, RagError
from rag.generation.openai import OpenAIGenerator
from rag.pipeline import Rag
from rag.settings import Settings

LIMIT_S = 0.5


def event(text: str) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"


END = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'


def well(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(event(DRAFT) + END)


def dies(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(event("深度求索"))
    handler.connection.close()


def hangs(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(event("深度求索"))
    threading.Event().wait(3)


def empty(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(END)


def blank(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(event(" \n\u200b\u202e") + END)


def broken_utf8(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(event("深").replace(b"\\u6df1", b"\xe6\xb7") + END)


def endless(handler: BaseHTTPRequestHandler) -> None:
    for number in itertools.count():
        handler.wfile.write(event(f"深度求索的第{number}句。"))


def repeating(handler: BaseHTTPRequestHandler) -> None:
    while True:
        handler.wfile.write(event(DRAFT))


def half_characters(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(event(DRAFT + "\ud83d") + END)


def directions(handler: BaseHTTPRequestHandler) -> None:
    handler.wfile.write(event("\u202e" + DRAFT + "\x00\x1b[31m\u200b") + END)


class Engine(ThreadingHTTPServer):
    """An OpenAI-compatible server; `says` is called with the handler of each chat."""

    daemon_threads = True

    def __init__(self) -> None:
        self.says: Callable[[BaseHTTPRequestHandler], None] = well
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, address: object) -> None:
        """Do not log errors of clients that have disconnected."""


class Handler(BaseHTTPRequestHandler):
    server: Engine

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        if asked["max_tokens"] == 1:
            self.wfile.write(END)
        else:
            self.server.says(self)

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def engine() -> Iterator[Engine]:
    with running(Engine()) as made:
        yield made


@pytest.fixture
def rag(engine: Engine, chosen: Settings) -> Iterator[Rag]:
    generator = OpenAIGenerator(f"http://127.0.0.1:{engine.server_port}/v1", "", "small", 5)
    values = {name: getattr(chosen, name) for name in chosen.__dataclass_fields__} | {"timeout_s": LIMIT_S}
    made = Rag(Settings(**values), FakeEmbedder(), generator)
    yield made
    made.close()


@pytest.mark.parametrize(
    ("says", "told"),
    [
        (dies, "ended its reply before the answer was complete."),
        (hangs, "The answer took longer than 0.5 s; ask again, or raise RAG_TIMEOUT_S."),
        (endless, "The answer took longer than 0.5 s; ask again, or raise RAG_TIMEOUT_S."),
        (empty, "The engine returned no text; ask again, or raise RAG_MAX_TOKENS if its model reasons first."),
        (blank, "The engine returned no text; ask again, or raise RAG_MAX_TOKENS if its model reasons first."),
        (broken_utf8, "sent text that is not UTF-8."),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_fault_of_the_engine_raises_a_one_line_error_and_the_next_question_is_answered(
    engine: Engine, rag: Rag, says: Callable[[BaseHTTPRequestHandler], None], told: str
) -> None:
    for _ in range(3):
        engine.says = says
        with pytest.raises(GenerationError) as error:
            rag.answer(FOUNDED)
        assert str(error.value).endswith(told)
        assert "\n" not in str(error.value)
        engine.says = well
        assert_exact(rag.answer(FOUNDED))
        assert rag.status() == ("ready", "")


def test_an_engine_that_repeats_itself_forever_is_stopped_and_its_text_is_used(engine: Engine, rag: Rag) -> None:
    engine.says = repeating
    assert_exact(rag.answer(FOUNDED))


@pytest.mark.parametrize("says", [half_characters, directions])
def test_lone_surrogates_and_invisible_characters_never_reach_a_reader(
    engine: Engine, rag: Rag, says: Callable[[BaseHTTPRequestHandler], None]
) -> None:
    engine.says = says
    events = list(rag.stream(FOUNDED))
    assert_exact(events[-1].answer)
    for event in events:
        shown = getattr(event, "text", "") or (event.answer.text if event.type == "answer" else "")
        shown.encode("utf-8")
        assert not set(shown) & set("\u202e\u200b\x00\x1b")


def test_an_engine_that_has_gone_away_raises_an_error_and_makes_the_status_broken(engine: Engine, rag: Rag) -> None:
    assert rag.answer(FOUNDED).answerable
    engine.shutdown()
    engine.server_close()
    for _ in range(2):
        with pytest.raises(RagError, match="could not be reached") as error:
            rag.answer(FOUNDED)
    assert rag.status() == ("broken", str(error.value))
