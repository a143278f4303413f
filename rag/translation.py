"""Translate sentences between Chinese and English with the generator, and check the numbers and names of the result.

When translating into English, a small model replaces names that it does not know by ones that it knows, such as a well-known
city or statesman. It is therefore first asked to list the names, and their pinyin is put into the sentence. When translating
into Chinese, it transliterates a name differently each time, so names are marked in the prompt to stay in Latin letters.
Quoting the translations is in `grounding/quotes.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rag.english import English
from rag.english.names import Names, transliterated
from rag.english.pinyin import romanized
from rag.english.proper_names import proper_names
from rag.english.romanization import respelled, unmatched_names
from rag.generation import Prompt
from rag.numbers import unsupported_numbers
from rag.prompting import chinese_prompt, english_prompt, name_kinds, names_prompt, unmarked
from rag.templates import Templates
from rag.text import fold
from rag.text.script import HAN, Language, has_han, own_characters, to_simplified

LONGEST_LIST = 60
"""Maximum tokens of a list of names."""
_ADDED = re.compile(rf"(\b[A-Z][\w'’-]*|\)) \([A-Z][^()\d{HAN}]*\)")
"""A name or its parenthesised original, followed by a further parenthesis in Latin letters that a model has added."""
_ASIDE = re.compile(r"[(（]|——")


@dataclass(frozen=True)
class Translator:
    """Translate the sentences of a text with its known names.

    english: the text's names and translations. write: returns the generator's continuation of a prompt, at most so many tokens
    (None: the limit of an answer). is_name: returns whether a word that begins a sentence is a name in the text.
    """

    templates: Templates
    english: English
    write: Callable[[Prompt, int | None], str]
    is_name: Callable[[str], bool]

    def with_names(self, sentences: Sequence[str]) -> Translator:
        """Return a translator that also knows the names that the generator finds in the untranslated Chinese sentences.

        The generator is not asked if the text's own table has a name that occurs in them.
        """
        missing = [text for text in sentences if has_han(text) and not self.english.translation_of(text)]
        chinese = "\n".join(missing)
        if not missing or self.english.has_own_names_for(chinese):
            return self
        listed = self.write(names_prompt(self.templates, missing), LONGEST_LIST)
        return replace(self, english=self.english.with_names(parse_names(listed, chinese, *name_kinds(self.templates))))

    def sentence(self, quote: str, language: Language) -> str:
        """Return a source sentence in another language, "" if the translation has a number or a name that the sentence lacks.

        For English, if a name is the reason, the generator is asked for the names in this sentence alone, and the sentence is
        translated once more.
        """
        if language != "en":
            return self._in_chinese(quote)
        translation, has_unknown_name = self._in_english(quote)
        if has_unknown_name and (knowing := self.with_names([quote])) != self:
            translation, _ = knowing._in_english(quote)
        return translation

    def sentence_with_names(self, quote: str) -> str:
        """Return a Chinese sentence in English as `sentence` does, but list its names first and do not retry."""
        return self.with_names([quote])._in_english(quote)[0]

    def _in_chinese(self, quote: str) -> str:
        translation = unmarked(self._written(chinese_prompt(self.templates, quote, proper_names(quote, self.is_name))))
        trusted = (
            has_han(translation)
            and not unsupported_numbers(translation, quote)
            and transliterated(translation) <= transliterated(quote)
        )
        return translation if trusted else ""

    def _written(self, prompt: Prompt) -> str:
        return " ".join(self.write(prompt, None).split())

    def _in_english(self, quote: str) -> tuple[str, bool]:
        """Return an English translation, "" if it is not reliable, and whether a Chinese name in it is the reason."""
        translation = self._written(english_prompt(self.templates, self.english, quote))
        translation = respelled(translation if _ASIDE.search(quote) else _ADDED.sub(r"\1", translation), quote)
        if unsupported_numbers(translation, quote):
            return "", False
        known = fold(self.english.names.forms_of(quote))
        has_unknown_name = any(fold(name) not in known for name in unmatched_names(translation, quote))
        return "" if has_unknown_name else translation, has_unknown_name


def parse_names(listed: str, chinese: str, person: str, place: str) -> Names:
    """Return the names of people and places in Chinese sentences, with their pinyin, from a list written by the generator.

    listed: one name per line, followed by the word for a `person` or a `place`. Names longer than four characters are ignored
    (they are institutions'), and so are names that do not occur literally in the sentences or have no pinyin spelling (see
    `romanized`). Originals are written as in the sentences, or in Simplified characters where conversion changes the length of
    the sentences.
    """
    simplified = to_simplified(chinese)
    lines = re.findall(rf"^([{HAN}]{{2,4}}) ({re.escape(person)}|{re.escape(place)})$", listed, re.MULTILINE)
    found = {name: romanized(name, kind == person) for name, kind in lines if name in simplified}
    return Names.of({own_characters(name, chinese) or name: (english,) for name, english in found.items() if english})
