"""The llama.cpp engine can be stopped while it reads a prompt, and uses the cores available to the process."""

import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rag.errors import Cancelled
from rag.generation import Generator, Prompt
from rag.generation.llama_cpp import LlamaCppGenerator

PROMPT = Prompt(({"role": "user", "content": "Where?"},))


class Server:
    """Read a prompt in steps as llama.cpp does: only a request that asks for progress can be stopped between them."""

    STEPS = 1_000

    def __init__(self) -> None:
        self.read = 0
        self.ended = threading.Event()

    def handle_chat_completions(self, request: dict[str, Any], receive: Callable[[Any], bool]) -> None:
        while self.read < self.STEPS:
            self.read += 1
            progress = {"prompt_progress": {"total": self.STEPS, "cache": 0, "processed": self.read}}
            if request.get("return_progress") and receive(json.dumps(progress)):
                break
        self.ended.set()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Return the parameters with which servers are opened."""
    found: list[Any] = []

    def open_server(parameters: Any, model: Path, context: int) -> tuple[Server, str]:
        found.append(parameters)
        return Server(), "secret"

    monkeypatch.setattr("rag.generation.llama_cpp.open_server", open_server)
    return found


@pytest.mark.parametrize(
    "ask",
    [
        lambda engine, stop: list(engine.stream(PROMPT, 4, stop)),
        lambda engine, stop: engine.choose(PROMPT, ("yes", "no"), stop),
        lambda engine, stop: engine.read(PROMPT, stop),
    ],
    ids=["stream", "choose", "read"],
)
def test_stopping_ends_the_reading_of_a_prompt(opened: list[Any], ask: Callable[[Generator, Any], object]) -> None:
    engine = LlamaCppGenerator(Path("model.gguf"), 512)
    server = engine._server
    with pytest.raises(Cancelled):
        ask(engine, lambda: True)
    assert server.ended.wait(5)
    engine.close()
    assert server.read < Server.STEPS


@pytest.mark.parametrize(("threads", "used"), [(0, 3), (2, 2)])
def test_the_number_of_threads_is_as_set_or_that_of_the_available_cores(
    opened: list[Any], monkeypatch: pytest.MonkeyPatch, threads: int, used: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {1, 4, 5}, raising=False)
    LlamaCppGenerator(Path("model.gguf"), 512, threads=threads).close()
    assert [(each.cpuparams.n_threads, each.cpuparams_batch.n_threads) for each in opened] == [(used, used)]


def test_all_cores_are_used_on_a_system_without_sched_getaffinity(opened: list[Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 5)
    LlamaCppGenerator(Path("model.gguf"), 512).close()
    assert opened[0].cpuparams.n_threads == 5
