"""Know what a text says in English: its names, and its sentences where they have been translated.

A source `article.txt` may bring `article.names.toml`, and `article.english.jsonl` with rows of {"sentence", "english"}. What
the model translates in idle time is kept in a file of the same form. Where neither knows a sentence, the model reads it in
Chinese and translates as it writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag import journal
from rag.documents import beside
from rag.english.names import Names
from rag.errors import CorpusError
from rag.numbers import in_english
from rag.text import fold
from rag.text.script import has_han
from rag.text.sentences import split_sentences


@dataclass(frozen=True)
class English:
    """Hold the names of a corpus, and its sentences (folded) with their translations, "" where none could be had.

    brought: the names (folded) that the texts bring: where one stands, none are sought. by_model: the sentences (folded) that
    the model translated, in idle time.
    """

    names: Names = field(default_factory=Names)
    sentences: Mapping[str, str] = field(default_factory=dict)
    brought: frozenset[str] = frozenset()
    by_model: frozenset[str] = frozenset()

    @classmethod
    def read(cls, corpus: Path | None, written: Path | None = None) -> English:
        """Return what is known; raise CorpusError for a file that cannot be read.

        corpus: folder of sources, or one file, whose own translations come first. written: the model's translations.
        """
        made = dict(_kept(written)) if written else {}
        brought: dict[str, str] = {}
        for path in beside(corpus, "english.jsonl"):
            brought |= _brought(path)
        names = Names.read(corpus) if corpus else Names()
        originals = frozenset(fold(original) for original, _ in names.forms)
        return cls(names, made | brought, originals, frozenset(made.keys() - brought.keys()))

    def naming(self, names: Names) -> English:
        """Return the same with more names; those that are known stay as they are."""
        known = dict(self.names.forms)
        return replace(self, names=Names.of(known | {name: forms for name, forms in names.forms if name not in known}))

    def knowing(self, sentences: Mapping[str, str]) -> English:
        """Return the same with more translations, by their sentences."""
        return replace(self, sentences={**self.sentences, **{fold(text): said for text, said in sentences.items()}})

    def brings_names_of(self, text: str) -> bool:
        """Tell whether a text holds a name that its source brings, and so, it is taken, all of them."""
        folded = fold(text)
        return any(name in folded for name in self.brought)

    def sentence(self, text: str) -> str:
        """Return the translation of a sentence, "" where there is none."""
        return self.sentences.get(fold(text), "")

    def brings(self, text: str) -> bool:
        """Tell whether the translation of a sentence is its text's own."""
        return bool(self.sentence(text)) and fold(text) not in self.by_model

    def lacks(self, text: str) -> bool:
        """Tell whether a sentence is to be translated still."""
        return has_han(text) and fold(text) not in self.sentences

    def annotate(self, text: str) -> str:
        """Return Chinese text in Simplified characters with its names and amounts as English writes them."""
        return in_english(self.names.annotate(text))

    def render(self, text: str) -> str:
        """Return a text for English readers: translated sentences, and others annotated."""
        if not self.sentences:
            return self.annotate(text)
        spoken = [text[start:end] for start, end in split_sentences(text)]
        return " ".join(self.sentence(sentence) or self.annotate(sentence) for sentence in spoken)


def written_in(store: Path) -> Path:
    """Return the file of a store in which the model's translations are kept."""
    return store / "english.jsonl"


def keep(path: Path, sentence: str, english: str) -> None:
    """Store a translation; raise RagError where it cannot be stored."""
    journal.keep(path, {"sentence": sentence, "english": english}, "translations", "free space there, or set RAG_STORE")


def _kept(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the model's translations; a row of another form is left out, and its sentence is translated again."""
    try:
        for _, row in journal.rows(path):
            with suppress(KeyError, TypeError):
                yield _pair(row)
    except OSError as error:
        raise _unreadable(path, error) from error


def _brought(path: Path) -> dict[str, str]:
    """Return the translations that a source brings; raise CorpusError for a row of another form."""
    try:
        return dict(_pair(row) for _, row in journal.rows(path, strict=True))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _pair(row: Any) -> tuple[str, str]:
    sentence, english = row["sentence"], row["english"]
    if not (isinstance(sentence, str) and isinstance(english, str)):
        raise TypeError(f"not two texts: {row}")
    return fold(sentence), english


def _unreadable(path: Path, error: Exception) -> CorpusError:
    return CorpusError(f'The translations {path} cannot be read ({error!r}); expected rows of {{"sentence": …, "english": …}}.')
