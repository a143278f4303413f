"""Define what the benchmark measures of a pipeline, and the values in which it is returned.

The pipelines are adapted in `ours.py` and `against.py`.
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
class QuestionCost:
    """The cost of one question: seconds since it was asked, and tokens."""

    evidence_s: float
    first_word_s: float
    answer_s: float
    prompt_tokens: int
    read_tokens: int
    written_tokens: int


@dataclass(frozen=True)
class SearchCost:
    """The seconds of two stages of one question, each measured separately."""

    embed_s: float
    search_s: float


@dataclass(frozen=True)
class RebuildCost:
    """The cost of a rebuild: seconds, and number of texts embedded."""

    seconds: float
    embedded: int


@dataclass(frozen=True)
class Speed:
    """An engine's speed on a prompt that it has not read before, in tokens per second."""

    read: float
    written: float


class Contestant(ABC):
    """Perform the operations that the benchmark measures with one pipeline."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    @cached_property
    def fresh(self) -> Embedder:
        """Return an embedder with an empty query cache: the pipeline's own has cached the questions asked before."""
        return open_embedder(self.settings)

    @abstractmethod
    def ask(self, question: str, history: Sequence[Message]) -> QuestionCost:
        """Answer a question and return its cost."""

    @abstractmethod
    def search(self, question: str) -> SearchCost:
        """Embed a question, search for it, and return the seconds of both."""

    @abstractmethod
    def remake(self, documents: Sequence[Document], store: Path) -> RebuildCost:
        """Build the index of documents, reusing what an earlier call left in `store`, and return the cost."""

    @property
    @abstractmethod
    def engine(self) -> Generator:
        """Return the engine that writes the answers."""

    @property
    @abstractmethod
    def documents(self) -> Sequence[Document]:
        """Return the corpus."""

    def rebuilds(self) -> dict[str, RebuildCost]:
        """Return the costs of a first build, of one after no change, and of one after a change to one sentence."""
        with tempfile.TemporaryDirectory() as folder:
            store = Path(folder)
            return {
                "cold": self.remake(self.documents, store),
                "unchanged": self.remake(self.documents, store),
                "one sentence": self.remake(edited(self.documents), store),
            }


def edited(documents: Sequence[Document]) -> list[Document]:
    """Return the documents, without the character at the beginning of the first document's middle sentence."""
    first, *others = documents
    sentences = split_document(first)
    place = sentences[len(sentences) // 2].start
    return [replace(first, text=first.text[:place] + first.text[place + 1 :]), *others]


def speed(engine: Generator, text: str, tokens: int = 32) -> Speed:
    """Return the speed of an engine at reading a text and continuing it by up to `tokens`; the text must be new to it."""
    started = time.perf_counter()
    at: list[float] = []
    for step in engine.stream(Prompt(({"role": "user", "content": text},)), tokens, lambda: False):
        if isinstance(step, Piece):
            at.append(time.perf_counter() - started)
        elif isinstance(step, Usage):
            usage = step
    return Speed(usage.read / at[0], (usage.written - 1) / (at[-1] - at[0]) if len(at) > 1 else 0.0)


def peak_mib() -> float:
    """Return the peak resident memory of this process in MiB, memory-mapped files included."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would include the parent's memory at the fork
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1024
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20) if sys.platform == "darwin" else peak / 1024


def timed(work: Callable[[], Made]) -> tuple[float, Made]:
    """Return the seconds that `work` took, and its result."""
    started = time.perf_counter()
    done = work()
    return time.perf_counter() - started, done
