"""Put Chinese sentences into English and English ones into Chinese, and check what the generator wrote.

A small model puts names that it knows in place of those that it does not: a city that it has read of, a statesman. So it is
asked first which names there are, code tells how their characters are read, and it translates with these before it. Names in
Latin letters it spells in characters, each time in others; so they are marked, and stay. What is quoted of a translation is not
this module's to say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.english import English
from rag.english.names import Names, transliterated
from rag.english.pinyin import romanized
from rag.english.proper_names import proper_names
from rag.english.romanization import respelled, unread
from rag.generation import Prompt
from rag.numbers import foreign
from rag.prompting import Templates, chinese_prompt, english_prompt, name_kinds, names_prompt, unmarked
from rag.text import fold
from rag.text.script import HAN, Language, has_han, own_characters, to_simplified

LONGEST_LIST = 60
"""Tokens of a list of names, at most."""
_ADDED = re.compile(rf"(\b[A-Z][\w'’-]*|\)) \([A-Z][^()\d{HAN}]*\)")
"""A name or its original and, behind it, what a model makes of it."""
_ASIDE = re.compile(r"[(（]|——")


@dataclass(frozen=True)
class Translator:
    """Translate with what is known of a text.

    english: the text's own names and translations. write: returns what the generator writes behind a prompt, of at most so many
    tokens (those of an answer for None). is_name: tells whether a word that begins a sentence is a name in the text.
    """

    templates: Templates
    english: English
    write: Callable[[Prompt, int | None], str]
    is_name: Callable[[str], bool]

    def naming(self, sentences: Sequence[str]) -> Translator:
        """Return a translator that knows, too, the names that the generator finds in Chinese sentences without English.

        Where the text brings names of these sentences, none are sought.
        """
        missing = [text for text in sentences if has_han(text) and not self.english.sentence(text)]
        chinese = "\n".join(missing)
        if not missing or self.english.brings_names_of(chinese):
            return self
        listed = self.write(names_prompt(self.templates, missing), LONGEST_LIST)
        return replace(self, english=self.english.naming(named(listed, chinese, *name_kinds(self.templates))))

    def sentence(self, quote: str, language: Language) -> str:
        """Return a source sentence in another language, "" where a number or a name in the translation is not its own.

        Where a name in English is not, the names of this sentence alone are sought, and it is translated once more.
        """
        if language != "en":
            return self._in_chinese(quote)
        said, strange = self._tried(quote)
        if strange and (knowing := self.naming([quote])) != self:
            said, _ = knowing._tried(quote)
        return said

    def carefully(self, quote: str) -> str:
        """Return a Chinese sentence in English as `sentence` does, with its names sought at first: it takes longer."""
        return self.naming([quote])._tried(quote)[0]

    def _in_chinese(self, quote: str) -> str:
        said = unmarked(self._written(chinese_prompt(self.templates, quote, proper_names(quote, self.is_name))))
        trusted = has_han(said) and not foreign(said, quote) and transliterated(said) <= transliterated(quote)
        return said if trusted else ""

    def _written(self, prompt: Prompt) -> str:
        return " ".join(self.write(prompt, None).split())

    def _tried(self, quote: str) -> tuple[str, bool]:
        """Return an English translation, "" where it is not to be relied on, and whether a Chinese name in it is the reason."""
        said = self._written(english_prompt(self.templates, self.english, quote))
        said = respelled(said if _ASIDE.search(quote) else _ADDED.sub(r"\1", said), quote)
        if foreign(said, quote):
            return "", False
        known = fold(self.english.names.forms_of(quote))
        strange = any(fold(name) not in known for name in unread(said, quote))
        return "" if strange else said, strange


def named(listed: str, chinese: str, person: str, place: str) -> Names:
    """Return the names of people and places in Chinese sentences, among those that a generator lists.

    listed: a name a line, and behind it the word for a `person` or for a `place`; what is longer than four characters names an
    institution. What the sentences do not hold, letter by letter, is no name of theirs. Originals are written as the sentences
    write them, or in Simplified characters where those are not as many.
    """
    simplified = to_simplified(chinese)
    lines = re.findall(rf"^([{HAN}]{{2,4}}) ({re.escape(person)}|{re.escape(place)})$", listed, re.MULTILINE)
    found = {name: romanized(name, kind == person) for name, kind in lines if name in simplified}
    return Names.of({own_characters(name, chinese) or name: (english,) for name, english in found.items() if english})
