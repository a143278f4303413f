"""Put Chinese sentences into English and English ones into Chinese, and check what the generator wrote.

A small model puts names that it knows in place of those that it does not: a city that it has read of, a statesman. So it is
asked first which names there are, code tells how their characters are read, and it translates with these before it. What is
quoted of a translation is not this module's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.generation import Prompt
from rag.names import Names, transliterated
from rag.numbers import stated, values
from rag.prompting import Templates, names_prompt, translation_prompt
from rag.romanization import respelled, romanized, unread
from rag.text import Language, has_han, to_simplified

LONGEST_LIST = 60
"""Tokens of a list of names, at most."""
_TOLD = re.compile(r"^([\u4e00-\u9fff]{2,4}) ([人地])$", re.MULTILINE)
"""A line of such a list; longer names are those of institutions."""
_PARENTHESIS = re.compile(r"[(（]")

_ADDED = re.compile(r" \([^()\u4e00-\u9fff]*\)")
"""What stands in parentheses without a name in Chinese characters."""


@dataclass(frozen=True)
class Translator:
    """Translate with what is known of a text.

    templates: the words for a model, with the text's own names and translations. write: returns what the generator writes
    behind a prompt, of at most so many tokens (those of an answer for None).
    """

    templates: Templates
    write: Callable[[Prompt, int | None], str]

    def naming(self, sentences: Sequence[str]) -> Translator:
        """Return a translator that knows, too, the names that the generator finds in Chinese sentences without English.

        A text that brings its names is taken at its word.
        """
        english = self.templates.english
        chinese = [text for text in sentences if has_han(text) and not english.sentence(text)]
        if not chinese or english.named:
            return self
        told = self.write(names_prompt(self.templates, chinese), LONGEST_LIST)
        names = named(told, "\n".join(chinese))
        return replace(self, templates=replace(self.templates, english=english.naming(names)))

    def sentence(self, quote: str, language: Language) -> str:
        """Return a source sentence in another language, "" where a number or a name in the translation is not its own.

        Where a name is not, the names of this sentence are sought, and it is translated once more.
        """
        said = self._checked(quote, language)
        if said is None and (knowing := self.naming([quote])).templates != self.templates:
            said = knowing._checked(quote, language)
        return said or ""

    def _checked(self, quote: str, language: Language) -> str | None:
        """Return a translation, "" where a number is not of the sentence, and None where a name is not."""
        said = " ".join(self.write(translation_prompt(self.templates, quote, language), None).split())
        if not stated(said) <= values(quote):
            return ""
        if language != "en":
            return said if has_han(said) and transliterated(said) <= transliterated(quote) else ""
        said = respelled(said if _PARENTHESIS.search(quote) else _ADDED.sub("", said), quote)
        return None if unread(said, quote) else said


def named(told: str, chinese: str) -> Names:
    """Return the names in Chinese sentences among those that a generator tells, a line each, as `prompts/names/` has it.

    What the sentences do not hold, letter by letter, is no name of theirs. Originals are written as the sentences write them.
    """
    simplified = to_simplified(chinese)
    written = chinese if len(chinese) == len(simplified) else simplified
    names = {}
    for name, kind in _TOLD.findall(told):
        place, english = simplified.find(name), romanized(name, kind == "人")
        if place >= 0 and english:
            names[written[place : place + len(name)]] = (english,)
    return Names.of(names)
