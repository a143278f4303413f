"""Look up the English of a corpus: its names, and the translations of its sentences.

A source `article.txt` may come with `article.names.toml`, and with `article.english.jsonl`: rows of {"sentence", "english"}.
The model's own translations, made in idle time, are stored in a file of the same form. A sentence in neither file is shown to
the model in Chinese, and the model translates as it writes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from rag import journal
from rag.documents import companion_files
from rag.english.names import Names
from rag.errors import CorpusError
from rag.numbers import in_english
from rag.text import fold
from rag.text.script import has_han
from rag.text.sentences import split_sentences


@dataclass(frozen=True)
class English:
    """The names of a corpus, and the translations of its sentences.

    sentences: translations by folded sentence, "" where the model's translation failed. own_names: the folded originals in the
    sources' own tables of names; in a text that contains one of them, the model is not asked for further names. by_model: the
    folded sentences that only the model has translated, in idle time.
    """

    names: Names = field(default_factory=Names)
    sentences: Mapping[str, str] = field(default_factory=dict)
    own_names: frozenset[str] = frozenset()
    by_model: frozenset[str] = frozenset()

    @classmethod
    def read(cls, corpus: Path | None, written: Path | None = None) -> English:
        """Return the names and translations that are on disk; raise CorpusError for a file that cannot be read.

        corpus: folder of sources, or one file; its own translations take precedence. written: file of the model's translations.
        """
        made = dict(_kept(written)) if written else {}
        own: dict[str, str] = {}
        for path in companion_files(corpus, "english.jsonl"):
            own |= _own_translations(path)
        names = Names.read(corpus) if corpus else Names()
        own_names = frozenset(fold(original) for original, _ in names.forms)
        return cls(names, made | own, own_names, frozenset(made.keys() - own.keys()))

    def with_names(self, names: Names) -> English:
        """Return a copy with further names; the English forms of known names are unchanged."""
        known = dict(self.names.forms)
        return replace(self, names=Names.of(known | {name: forms for name, forms in names.forms if name not in known}))

    def with_translations(self, sentences: Mapping[str, str]) -> English:
        """Return a copy with further translations, given by sentence; they replace earlier ones."""
        return replace(
            self, sentences={**self.sentences, **{fold(text): translation for text, translation in sentences.items()}}
        )

    def has_own_names_for(self, text: str) -> bool:
        """Return whether a text contains a name from a source's own table, which is then assumed to list all its names."""
        folded = fold(text)
        return any(name in folded for name in self.own_names)

    def translation_of(self, text: str) -> str:
        """Return the translation of a sentence, "" if there is none."""
        return self.sentences.get(fold(text), "")

    def has_own_translation(self, text: str) -> bool:
        """Return whether a sentence has a translation that came with its source, not from the model."""
        return bool(self.translation_of(text)) and fold(text) not in self.by_model

    def needs_translation(self, text: str) -> bool:
        """Return whether a Chinese sentence has not been translated yet; a failed translation counts as done."""
        return has_han(text) and fold(text) not in self.sentences

    def annotate(self, text: str) -> str:
        """Return Chinese text in Simplified characters, its names and amounts written as in English."""
        return in_english(self.names.annotate(text))

    def render(self, text: str) -> str:
        """Return a text for English readers: each sentence translated, or annotated where it has no translation."""
        if not self.sentences:
            return self.annotate(text)
        spoken = [text[start:end] for start, end in split_sentences(text)]
        return " ".join(self.translation_of(sentence) or self.annotate(sentence) for sentence in spoken)


def translations_path(store: Path) -> Path:
    """Return the path of the file in which a store keeps the model's translations."""
    return store / "english.jsonl"


def keep(path: Path, sentence: str, english: str) -> None:
    """Append a translation to a file; raise RagError if it cannot be written."""
    journal.keep(path, {"sentence": sentence, "english": english}, "translations", "free space there, or set RAG_STORE")


def _kept(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the model's translations; skip malformed rows, whose sentences are then translated again."""
    try:
        for _, row in journal.rows(path):
            with suppress(KeyError, TypeError):
                yield _pair(row)
    except OSError as error:
        raise _unreadable(path, error) from error


def _own_translations(path: Path) -> dict[str, str]:
    """Return the translations that come with a source; raise CorpusError for a malformed row."""
    try:
        return dict(_pair(row) for _, row in journal.rows(path, strict=True))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _unreadable(path, error) from error


def _pair(row: Any) -> tuple[str, str]:
    sentence, english = row["sentence"], row["english"]
    if not (isinstance(sentence, str) and isinstance(english, str)):
        raise TypeError(f"not two strings: {row}")
    return fold(sentence), english


def _unreadable(path: Path, error: Exception) -> CorpusError:
    return CorpusError(
        f'The translations file {path} cannot be read ({error!r}); expected rows of {{"sentence": …, "english": …}}.'
    )
