"""Know how the names of a text are written in English.

A source `article.txt` may have a table `article.names.toml` beside it: original = [English forms]. With it, an English
question finds the original name, and an English answer shows both. Without one, nothing changes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from rag import tables
from rag.errors import CorpusError
from rag.text import fold, to_simplified


@dataclass(frozen=True)
class Names:
    """Hold originals (folded to Simplified) with their English forms, longest original first."""

    forms: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def read(cls, corpus: Path) -> Names:
        """Return the names of every source of a corpus; raise CorpusError for a table that cannot be read."""
        folder = corpus if corpus.is_dir() else corpus.parent
        paths = sorted(folder.glob("*.names.toml")) if corpus.is_dir() else [corpus.with_suffix(".names.toml")]
        table: dict[str, tuple[str, ...]] = {}
        for path in (path for path in paths if path.exists()):
            try:
                rows = tables.read(path)["names"]
                table |= {fold(original): tuple(map(str, forms)) for original, forms in rows.items() if forms}
            except (OSError, ValueError, KeyError, AttributeError) as error:
                raise CorpusError(
                    f'The names {path} cannot be read ({error}); expected [names] "original" = ["English"].'
                ) from error
        return cls(tuple(sorted(table.items(), key=lambda row: -len(row[0]))))

    def expand(self, question: str) -> str:
        """Return an English question with the original behind each name that has one."""
        for original, forms in self.forms:
            if original in fold(question):
                continue
            pattern = "|".join(rf"(?<!\w){re.escape(form)}(?!\w)" for form in sorted(forms, key=len, reverse=True))
            question = re.sub(pattern, rf"\g<0> ({original})", question, count=1, flags=re.IGNORECASE)
        return question

    def annotate(self, text: str) -> str:
        """Return Chinese text in Simplified characters with English in front of each name, the original kept at its first."""
        text = to_simplified(text)
        seen: set[str] = set()

        def render(match: re.Match[str]) -> str:
            original = fold(match.group())
            english = table[original][0]
            if english in seen:
                return f" {english} "
            seen.add(english)
            return f" {english} ({match.group()})"

        table = dict(self.forms)
        if not table:
            return text
        return re.sub("|".join(re.escape(original) for original in table), render, text, flags=re.IGNORECASE)
