"""Provide the documents, their index, and their English names and translations; all are refreshed when files change.

Building the index is in `index.py`, storing it in `store.py`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from rag import weights
from rag.documents import Document, companion_files, read_corpus, source_files
from rag.embedding import Embedder, Report
from rag.english import English, translations_path
from rag.errors import CorpusError, IndexStoreError
from rag.index import Index
from rag.progress import bar
from rag.settings import Settings
from rag.store import Rebuilt, Recipe, load, rebuild
from rag.text import has_letters
from rag.tuned import tuned

ACCOMPANYING = ("names.toml", "english.jsonl")
"""Kinds of files that may accompany a source: English forms of its names, and translations of its sentences."""


Value = TypeVar("Value")


class FileCache(Generic[Value]):
    """Cache a value made from files, and make it again when one of them has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: list[Value] = []
        self._seen: object = None

    def get(self, paths: Sequence[Path], make: Callable[[], Value], written: Sequence[Path] = ()) -> Value:
        """Return the value for the current files.

        paths: files that the value depends on. written: others, which `make` itself may write without that being a change.
        """
        with self._lock:
            seen = _stamps(paths)
            if (seen, _stamps(written)) != self._seen:
                self._value = [make()]
                self._seen = seen, _stamps(written)  # `seen` is from before reading, to notice changes during it
            return self._value[0]


class Library:
    """The documents, the index, and the English names and translations for some settings.

    longest_passage: maximum extent of a passage of several sentences. documents: a corpus in memory, used instead of the folder
    in the settings.
    """

    def __init__(self, settings: Settings, longest_passage: int, documents: Sequence[Document] | None = None) -> None:
        self._settings = settings
        self._documents = documents
        self._longest = longest_passage
        self._sources: FileCache[Sequence[Document]] = FileCache()
        self._index: FileCache[Index] = FileCache()
        self._english: FileCache[English] = FileCache()

    @property
    def translations(self) -> Path:
        """Return the file of the model's English translations."""
        return translations_path(self._settings.store)

    def rebuild(self, embedder: Embedder, report: Report | None = None) -> Rebuilt:
        """Bring the stored index up to date and return what was done."""
        documents = self.sources()
        return rebuild(self._settings.store, documents, embedder, self._longest, report)

    def index(self, embedder: Embedder, say: Callable[[str], None] = lambda line: None) -> Index:
        """Return the current index; build it if the stored one is missing, stale, foreign or damaged.

        say: called with a line on why it is built, before a progress bar is shown. Raises IndexStoreError instead of building
        if the setting is `rebuild="never"`.
        """
        current = self._settings.store / "current.json"  # another process may activate a new build
        return self._index.get(self._files(), lambda: self._open(embedder, say), [current])

    def _open(self, embedder: Embedder, say: Callable[[str], None], again: bool = True) -> Index:
        documents = self.sources()
        recipe = Recipe.of(documents, embedder.identity, self._longest)
        try:
            return load(self._settings.store, recipe)
        except IndexStoreError as error:
            if self._settings.rebuild == "never":
                raise
            say(f"{error.why}. Building the index.")
        rebuild(self._settings.store, documents, embedder, self._longest, bar("index", "text"))
        try:
            return load(self._settings.store, recipe)
        except IndexStoreError:
            if not again:
                raise
            return self._open(embedder, say, again=False)  # another process has rebuilt it meanwhile, from other sources

    def sources(self) -> Sequence[Document]:
        """Return the current documents; loads no model. Raises CorpusError if they have no text or two have the same name."""
        if self._documents is None:
            files = self._files()
            records = [path.with_suffix(".toml") for path in files]
            documents: Sequence[Document] = self._sources.get([*files, *records], lambda: read_corpus(self._settings.corpus))
        else:
            documents = self._documents
        if not any(has_letters(document.text) for document in documents):
            raise CorpusError("The documents contain no text; expected at least one sentence.")
        if len({document.source for document in documents}) < len(documents):
            raise CorpusError("Two documents have the same name; give each a unique `source`, since citations refer to it.")
        return documents

    def english(self) -> English:
        """Return the current English names and translations; for a corpus in memory, only the model's translations.

        Raises CorpusError for a file that cannot be read.
        """
        corpus = self._settings.corpus if self._documents is None else None
        accompanying = [path for kind in ACCOMPANYING for path in companion_files(corpus, kind)]
        return self._english.get([self.translations, *accompanying], lambda: English.read(corpus, self.translations))

    def _files(self) -> list[Path]:
        return source_files(self._settings.corpus) if self._documents is None else []


def _stamps(paths: Sequence[Path]) -> list[tuple[str, int, int, int]]:
    return [_stamp(path) for path in paths]


def _stamp(path: Path) -> tuple[str, int, int, int]:
    try:
        status = path.stat()
    except OSError:
        return str(path), -1, -1, -1
    return str(path), status.st_mtime_ns, status.st_size, status.st_ino


def stored(settings: Settings, documents: Sequence[Document]) -> Index:
    """Return the stored index of documents without loading a model.

    Raises IndexStoreError if there is none that matches the documents and the settings.
    """
    return load(settings.store, Recipe.of(documents, weights.identity(settings.embedder), tuned().longest_passage))
