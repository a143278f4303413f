"""Embed texts as vectors whose inner product is their similarity.

Stages that need vectors depend on the Embedder protocol; only this module uses sentence-transformers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from rag.errors import GenerationError
from rag.machine import use_threads
from rag.text import normalize

Vectors = npt.NDArray[np.float32]
Report = Callable[[int, int], None]


class Embedder(Protocol):
    """Embed queries and passages as unit vectors in one space."""

    identity: str
    """Hash of the model's files, recorded in every index that is built with it."""

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per query, shape (len(texts), dimensions)."""

    def passages(self, texts: Sequence[str], report: Report | None = None) -> Vectors:
        """Return one unit vector per text, shape (len(texts), dimensions), calling report(done, total) meanwhile."""


def embed_questions(embedder: Embedder, questions: Sequence[str]) -> Vectors:
    """Return the vectors of questions, shape (len(questions), dimensions); their text is normalised first."""
    return embedder.queries([normalize(question) for question in questions])


class SentenceTransformerEmbedder:
    """Embed with a local sentence-transformers model, in float32, on a CUDA device if there is one, else on the CPU.

    folder: verified model files. identity: hash of these files, recorded in the index. threads: number of threads for
    embedding passages; 0 leaves it to torch. A query is embedded with one thread, which takes no longer and leaves the other
    cores to the generator.
    """

    BATCH = 8
    REMEMBERED = 256
    """Queries whose vectors are cached, since several stages embed the same question."""

    def __init__(self, folder: Path, identity: str, threads: int = 0) -> None:
        self._threads = threads
        self._alone = ThreadPoolExecutor(1, "embedder", use_threads, (1,))
        self._model = self._alone.submit(_load, folder).result()
        self._lock = threading.Lock()
        self._known: dict[str, Vectors] = {}
        self.identity = identity
        self._dimensions = int(self._model.get_embedding_dimension() or 0)

    def queries(self, texts: Sequence[str]) -> Vectors:
        """Return one unit vector per query; those of recent queries are cached."""
        with self._lock:
            fresh = [text for text in dict.fromkeys(texts) if text not in self._known]
            if fresh:
                self._known |= zip(fresh, self._alone.submit(_encode, self._model.encode_query, fresh).result(), strict=True)
            found = np.stack([self._known[text] for text in texts])
            for text in list(self._known)[: -self.REMEMBERED]:
                del self._known[text]
        return found

    def passages(self, texts: Sequence[str], report: Report | None = None) -> Vectors:
        """Return one unit vector per text; texts of similar length share a batch, to reduce padding."""
        vectors = np.empty((len(texts), self._dimensions), dtype=np.float32)
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        with ThreadPoolExecutor(1, "passages", use_threads, (self._threads,)) as together:  # ends torch's helper threads too
            for start in range(0, len(order), self.BATCH):
                rows = order[start : start + self.BATCH]
                with self._lock:
                    batch = [texts[i] for i in rows]
                    vectors[rows] = together.submit(_encode, self._model.encode_document, batch).result()
                if report is not None:
                    report(min(start + self.BATCH, len(order)), len(order))
        return vectors


def _encode(encode: Callable[..., Any], texts: Sequence[str]) -> Vectors:
    vectors = np.asarray(encode(texts, normalize_embeddings=True, show_progress_bar=False), dtype=np.float32)
    if not np.isfinite(vectors).all():  # NaN is near to nothing: the text would seem not to answer
        raise GenerationError("The embedder returned a value that is not a finite number; run python -m rag doctor.")
    return vectors


def _load(folder: Path) -> Any:
    import torch
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    logging.disable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    model = SentenceTransformer(str(folder), device=device, local_files_only=True)
    for copied in ("_vocab", "_merges"):  # redundant copies as Python objects: 120 MiB
        vars(model.tokenizer).pop(copied, None)
    return model
