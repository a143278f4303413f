"""Say what the benchmark measures of a pipeline, and the values that hold it.

It knows neither of the pipelines; `ours.py` and `against.py` do.
"""

from __future__ import annotations

import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TypeVar

from rag.documents import Document, split_document
from rag.embedding import Embedder
from rag.generation import Generator, Piece, Prompt, Usage
from rag.models import open_embedder
from rag.results import Message
from rag.settings import Settings

Made = TypeVar("Made")


@dataclass(frozen=True)
class Asked:
    """Hold what one question cost: seconds from asking, and tokens."""

    evidence_s: float
    first_word_s: float
    answer_s: float
    prompt_tokens: int
    read_tokens: int
    written_tokens: int


@dataclass(frozen=True)
class Searched:
    """Hold the seconds of two stages of one question by themselves."""

    embed_s: float
    search_s: float


@dataclass(frozen=True)
class Remade:
    """Hold what a rebuild cost."""

    seconds: float
    embedded: int


@dataclass(frozen=True)
class Speed:
    """Hold an engine's pace on a prompt that it has not read before, in tokens a second."""

    read: float
    written: float


class Contestant(ABC):
    """Do with one pipeline what the benchmark measures."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def fresh(self) -> Embedder:
        """Return an embedder that has seen no question yet: the pipeline's own remembers those that were asked."""
        return open_embedder(self.settings)

    @abstractmethod
    def ask(self, question: str, history: Sequence[Message]) -> Asked:
        """Answer a question."""

    @abstractmethod
    def search(self, question: str) -> Searched:
        """Embed a question and search for it."""

    @abstractmethod
    def remake(self, documents: Sequence[Document], store: Path) -> Remade:
        """Make the index of documents, with what an earlier call left in `store`."""

    @property
    @abstractmethod
    def engine(self) -> Generator:
        """Return the engine that writes the answers."""

    @property
    @abstractmethod
    def documents(self) -> Sequence[Document]:
        """Return the corpus."""

    def rebuilds(self) -> dict[str, Remade]:
        """Return what a first build cost, one after nothing changed, and one after a sentence changed."""
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder)
            return {
                "cold": self.remake(self.documents, store),
                "unchanged": self.remake(self.documents, store),
                "one sentence": self.remake(edited(self.documents), store),
            }


def edited(documents: Sequence[Document]) -> list[Document]:
    """Return documents of which the first lacks one character, at the beginning of its middle sentence."""
    first, *others = documents
    sentences = split_document(first)
    place = sentences[len(sentences) // 2].start
    return [replace(first, text=first.text[:place] + first.text[place + 1 :]), *others]


def speed(engine: Generator, text: str, tokens: int = 32) -> Speed:
    """Return the pace of an engine that reads a text and writes on; the text must be new to it."""
    started = time.perf_counter()
    at: list[float] = []
    for step in engine.stream(Prompt(({"role": "user", "content": text},)), tokens, lambda: False):
        if isinstance(step, Piece):
            at.append(time.perf_counter() - started)
        elif isinstance(step, Usage):
            usage = step
    return Speed(usage.read / at[0], (usage.written - 1) / (at[-1] - at[0]) if len(at) > 1 else 0.0)


def peak_mib() -> float:
    """Return the most memory that this process held at once, in MiB, files that it mapped among it."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts what the parent held before this process began
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def timed(work: Callable[[], Made]) -> tuple[float, Made]:
    """Return the seconds that some work took, and what it made."""
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done
