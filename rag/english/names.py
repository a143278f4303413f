"""Map the names in a text to their English forms and back.

A source `article.txt` may have a table `article.names.toml` beside it: original = [English forms]. With this table, an English
question retrieves the original name, and an English answer shows both. Without one, `translation.py` finds the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rag import tables
from rag.documents import companion_files
from rag.errors import CorpusError
from rag.text import fold
from rag.text.script import HAN, to_simplified

_NUMERAL = "零〇一二三四五六七八九十"
_DOTS = "·‧・•"
_TRANSLITERATED = re.compile(rf"(?=((?![{_NUMERAL}])[{HAN}])[{_DOTS}]((?![{_NUMERAL}])[{HAN}]))")
"""The characters on either side of the dot in a transliterated foreign name; where the whole name begins is unknown."""


@dataclass(frozen=True)
class Names:
    """Names as the text writes them (originals), each with its English forms; the longest original first."""

    forms: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def read(cls, corpus: Path) -> Names:
        """Return the names of all sources of a corpus; raise CorpusError for a table that cannot be read."""
        table: dict[str, tuple[str, ...]] = {}
        for path in companion_files(corpus, "names.toml"):
            try:
                rows = tables.read(path)["names"]
                table |= {original: tuple(tables.texts(forms)) for original, forms in rows.items() if forms}
            except (OSError, ValueError, KeyError, AttributeError) as error:
                raise CorpusError(
                    f'The names file {path} cannot be read ({error}); expected [names] "original" = ["English"].'
                ) from error
        return cls.of(table)

    @classmethod
    def of(cls, table: Mapping[str, tuple[str, ...]]) -> Names:
        """Build names from a table of English forms by original."""
        return cls(tuple(sorted(table.items(), key=lambda row: -len(row[0]))))

    def forms_of(self, text: str) -> str:
        """Return the English forms of all names whose original occurs in a text, joined by spaces."""
        folded = fold(text)
        return " ".join(form for original, forms in self.forms if fold(original) in folded for form in forms)

    def expand(self, question: str) -> str:
        """Return an English question with the original added in parentheses after the first mention of each name.

        Names whose original is already in the question are left as they are.
        """
        for original, forms in self.forms:
            if (folded := fold(original)) not in fold(question):
                question = _pattern(forms).sub(partial(_followed_by, folded), question, count=1)
        return question

    def gloss(self, text: str) -> str:
        """Return English text with the original added in parentheses after the first mention of each name.

        Names whose original is already in the text are left as they are. A form that several originals share belongs to the one
        that lists it earliest, and then to the longest.
        """
        ranked = sorted(
            (place, -len(original), original, form.lower())
            for original, forms in self.forms
            for place, form in enumerate(forms)
        )
        originals = {form: original for *_, original, form in reversed(ranked)}  # the best-ranked original comes last
        seen: set[str] = set()
        folded = fold(text)

        def render(match: re.Match[str]) -> str:
            original = originals.get(match.group(1).lower())  # IGNORECASE matches "İ" as "i", but lower() differs
            if original is None or original in seen or fold(original) in folded:
                return match.group()
            seen.add(original)
            return _followed_by(original, match)

        return _pattern(originals).sub(render, text) if originals else text

    def annotate(self, text: str) -> str:
        """Return Chinese text in Simplified characters with each name replaced by its first English form.

        The first mention of each is followed by the original in parentheses.
        """
        text = to_simplified(text)
        seen: set[str] = set()

        def render(match: re.Match[str]) -> str:
            original, english = table.get(fold(match.group()), ("", ""))
            if not english:
                return match.group()
            if english in seen:
                return f" {english} "
            seen.add(english)
            return f" {english} ({original})"

        table = {fold(original): (original, forms[0]) for original, forms in self.forms}
        if not table:
            return text
        return re.sub("|".join(re.escape(original) for original in table), render, text, flags=re.IGNORECASE)


def transliterated(text: str) -> set[str]:
    """Return the pairs of characters around the dots of foreign names transliterated into Chinese, such as "隆·马"."""
    return {"·".join(match) for match in _TRANSLITERATED.findall(fold(text))}


def _followed_by(original: str, form: re.Match[str]) -> str:
    return f"{form.group()} ({original})"


def _pattern(forms: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern that matches English forms as whole words, the longest first, with an optional possessive."""
    anyone = "|".join(re.escape(form) for form in sorted(forms, key=len, reverse=True))
    return re.compile(rf"(?<!\w)({anyone})(?:['’]s)?(?![\w-])", re.IGNORECASE)
