"""Keep the index of the corpus at hand, and what is known of it in English: built or read again when files change.

It knows sources, the store and the embedder; it knows nothing of questions.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from rag import weights
from rag.documents import Document, beside, read_corpus, source_files
from rag.embedding import Embedder, Report
from rag.english import English, written_in
from rag.errors import CorpusError, IndexStoreError
from rag.index import Index
from rag.progress import bar
from rag.settings import Settings
from rag.store import Rebuilt, Recipe, load, rebuild
from rag.text import has_letters
from rag.tuned import tuned

BROUGHT = ("names.toml", "english.jsonl")
"""What a source may bring beside itself of its English."""


Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Keep a value that is made of files, and make it again when one of them has changed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._value: list[Value] = []
        self._seen: object = None

    def get(self, paths: Sequence[Path], make: Callable[[], Value], written: Sequence[Path] = ()) -> Value:
        """Return the value for files as they are now.

        written: files that making it may write, which is no change then.
        """
        with self._lock:
            seen = _stamps(paths)
            if (seen, _stamps(written)) != self._seen:
                self._value = [make()]
                self._seen = seen, _stamps(written)  # those taken before reading show what changed meanwhile
            return self._value[0]


class Library:
    """Serve the index that the corpus and the settings ask for, and what is known of it in English."""

    def __init__(self, settings: Settings, longest_passage: int, documents: Sequence[Document] | None = None) -> None:
        self._settings = settings
        self._documents = documents
        self._longest = longest_passage
        self._sources: Kept[Sequence[Document]] = Kept()
        self._index: Kept[Index] = Kept()
        self._english: Kept[English] = Kept()

    @property
    def translations(self) -> Path:
        """Return the file of sentences that the model put into English."""
        return written_in(self._settings.store)

    def rebuild(self, embedder: Embedder, report: Report | None = None) -> Rebuilt:
        """Bring the stored index up to date, and tell what was done."""
        documents = self.sources()
        return rebuild(self._settings.store, documents, embedder, self._longest, report)

    def index(self, embedder: Embedder, say: Callable[[str], None] = lambda line: None) -> Index:
        """Return the index in use; build it, with a line and a bar, where it is missing, stale, foreign or damaged.

        Raises IndexStoreError instead of building where `rebuild="never"`.
        """
        current = self._settings.store / "current.json"  # another process may put a new build in use
        return self._index.get(self._files(), lambda: self._open(embedder, say), [current])

    def _open(self, embedder: Embedder, say: Callable[[str], None], again: bool = True) -> Index:
        documents = self.sources()
        recipe = Recipe.of(documents, embedder.identity, self._longest)
        try:
            return load(self._settings.store, recipe)
        except IndexStoreError as error:
            if self._settings.rebuild == "never":
                raise
            say(f"{error.why}. It is built now.")
        rebuild(self._settings.store, documents, embedder, self._longest, bar("index", "text"))
        try:
            return load(self._settings.store, recipe)
        except IndexStoreError:
            if not again:
                raise
            return self._open(embedder, say, again=False)  # another process has read other sources since, and built theirs

    def sources(self) -> Sequence[Document]:
        """Return the documents as they are now; this needs no model. Raises CorpusError where they hold no text."""
        if self._documents is None:
            files = self._files()
            records = [path.with_suffix(".toml") for path in files]
            documents: Sequence[Document] = self._sources.get([*files, *records], lambda: read_corpus(self._settings.corpus))
        else:
            documents = self._documents
        if not any(has_letters(document.text) for document in documents):
            raise CorpusError("The documents hold no text; expected at least one sentence.")
        if len({document.source for document in documents}) < len(documents):
            raise CorpusError("Two documents have one name; give each a `source` of its own, since citations name it.")
        return documents

    def english(self) -> English:
        """Return what is known of the sources in English, as it is now; a corpus in memory brings nothing itself.

        Raises CorpusError for a file that cannot be read.
        """
        corpus = self._settings.corpus if self._documents is None else None
        brought = [path for kind in BROUGHT for path in beside(corpus, kind)]
        return self._english.get([self.translations, *brought], lambda: English.read(corpus, self.translations))

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
    """Return the stored index of documents, and load no model for it.

    Raises IndexStoreError where there is none that fits the settings.
    """
    return load(settings.store, Recipe.of(documents, weights.identity(settings.embedder), tuned().longest_passage))
