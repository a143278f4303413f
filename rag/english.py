"""Know what a text says in English: its names, and its sentences where someone has translated them.

A source `article.txt` may bring `article.names.toml` and `article.english.jsonl`, rows of {"sentence", "english"}. A text
without them is answered in English all the same: the model then reads Chinese, and translates as it writes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rag import journal
from rag.errors import CorpusError
from rag.names import Names
from rag.text import fold, split_sentences


@dataclass(frozen=True)
class English:
    """Hold the names of a corpus, and its sentences (folded) with their translations."""

    names: Names = field(default_factory=Names)
    sentences: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, corpus: Path) -> English:
        """Return what a corpus brings; raise CorpusError for a file that cannot be read."""
        folder, stem = (corpus, "*") if corpus.is_dir() else (corpus.parent, corpus.stem)
        sentences: dict[str, str] = {}
        for path in sorted(folder.glob(f"{stem}.english.jsonl")):
            try:
                sentences |= {fold(row["sentence"]): str(row["english"]) for _, row in journal.rows(path)}
            except (OSError, KeyError, TypeError, AttributeError) as error:
                raise CorpusError(
                    f'The translations {path} cannot be read ({error!r}); expected rows of {{"sentence": …, "english": …}}.'
                ) from error
        return cls(Names.read(corpus), sentences)

    def sentence(self, text: str) -> str:
        """Return the translation of a sentence, "" where there is none."""
        return self.sentences.get(fold(text), "")

    def render(self, text: str) -> str:
        """Return a text for English readers: translated sentences, and others in Chinese with their names in English."""
        if not self.sentences:
            return self.names.annotate(text)
        spoken = [text[start:end] for start, end in split_sentences(text)]
        return " ".join(self.sentence(sentence) or self.names.annotate(sentence) for sentence in spoken)
