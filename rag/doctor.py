"""Examine what the chatbot needs, and say for each thing how it is and what mends it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from rag import weights
from rag.documents import read_corpus
from rag.errors import RagError
from rag.prompting import Templates
from rag.settings import Settings
from rag.store import Recipe, load
from rag.tuned import tuned

PORT = 7860
LEAST_FREE = 500_000_000


@dataclass(frozen=True)
class Finding:
    """Hold one thing that was examined."""

    name: str
    well: bool
    text: str

    def line(self) -> str:
        """Return the finding as one line."""
        return f"{'ok  ' if self.well else 'MEND'} {self.name}: {self.text}"


def examine(settings: Settings) -> list[Finding]:
    """Return the findings on weights, corpus, prompts, index, port and disk."""
    models = [name for name in (settings.embedder, settings.generator) if name in weights.models()]
    return [
        *(_finding(f"weights {name}", partial(_weights, name, settings)) for name in models),
        _finding("corpus", lambda: f"{len(read_corpus(settings.corpus))} sources in {settings.corpus}"),
        _finding("prompts", lambda: f"{len(Templates(settings.prompts).text('zh/system'))} characters of system prompt"),
        _finding("index", lambda: _index(settings)),
        _port(),
        _disk(settings),
    ]


def _finding(name: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(name, True, look())
    except RagError as error:
        return Finding(name, False, str(error))


def _weights(name: str, settings: Settings) -> str:
    wrong = [state for state in weights.verify(name, settings) if state.state != "ok"]
    if wrong:
        raise RagError(f"{wrong[0].file.path} is {wrong[0].state}; run python -m rag weights fetch {name}.")
    return "every file has its SHA-256"


def _index(settings: Settings) -> str:
    documents = read_corpus(settings.corpus)
    index = load(settings.store, Recipe.of(documents, weights.identity(settings.embedder), tuned().longest_passage))
    return f"{len(index.passages)} passages in {settings.store}"


def _port() -> Finding:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", PORT)) == 0
    return Finding("port", True, f"{PORT} is {'in use (a page is being served, or use --port)' if taken else 'free'}")


def _disk(settings: Settings) -> Finding:
    folder = next(path for path in [settings.store, *settings.store.parents] if path.exists())
    free = shutil.disk_usage(folder).free
    return Finding("disk", free >= LEAST_FREE, f"{free / 1e9:.1f} GB free at {folder}; the index needs {LEAST_FREE / 1e9} GB")
