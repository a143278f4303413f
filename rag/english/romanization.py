"""Check the romanised Chinese names in an English text against the characters of its Chinese source.

A small model guesses the romanisation of a name, but the reading of its characters is known (Hanyu Pinyin, ISO 7098). A
person's name is a common surname followed by one or two syllables, each word capitalised: "Gu Yanzhang", "Gong Shu Lan". It is
corrected if the source has exactly one similar name. Of other names, only single words of two typically Chinese syllables are
checked; one without a similar reading in the source is reported, because a model replaces a city that it does not know by one
that it knows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise, product

from rag.english.pinyin import GIVEN, begins_with_surname, is_city, sounds, surname_sounds, syllables, written_short
from rag.text import fold
from rag.text.script import HAN, has_function_word, has_han, own_characters, to_simplified

_WORD = re.compile(r"[A-Z][a-z]+(?:['’-](?!s\b)[A-Za-z][a-z]*)*(?![\w-])")
_HAN_RUN = re.compile(f"[{HAN}]+")
_ORIGINAL = re.compile(rf"\(({_HAN_RUN.pattern})\)")
_POSSESSIVE = re.compile(r"['’]s\b")
_NO_NAME = re.compile(r"Hong Kong\b|.*[aiou][b-df-hj-np-tv-z]+e$")
"""English words and names that could be read as pinyin: "Lane", "Gate"."""
_CHINESE = re.compile(
    r"(?!(?:along|bayou|cacao|chennai|danang|laotian|macao|manga|pixie|sarong|sendai|taxi|(?:bo|fa|mi|ta|wa)xing)$)"
    r"(?:.*(?:zh|x|q[ian]|ng[a-z]|uo|ao|iu|uan)|.*(?:ou|ai|ui|yu|ang|ong|eng)$)"
)
"""Letter sequences that show a word in pinyin syllables to be Chinese; the first line lists exceptions."""
_SIMILAR = 0.75
"""Minimum similarity (`difflib` ratio) at which a word is taken for a reading of characters, misspelled or not."""


@dataclass(frozen=True)
class RomanName:
    """A romanised name of a person in an English text.

    start, end: its position there. spelled: the pinyin of its characters, in as many words. original: these characters. Both
    are "" if the source has no similar name.
    """

    start: int
    end: int
    spelled: str
    original: str


def respelled(english: str, chinese: str, asked: str = "") -> str:
    """Return an English text with each person's name corrected to the pinyin of a similar name in a Chinese text.

    asked: a question; a name that it spells in the same way is left as it is.
    """
    for name in reversed(list(names(english, chinese))):
        if name.original and english[name.start : name.end].lower() not in asked.lower():
            english = english[: name.start] + name.spelled + english[name.end :]
    return english


def unmatched_names(english: str, chinese: str) -> list[str]:
    """Return the romanised names in an English text, of people and places, that are similar to none in a Chinese text."""
    people = list(names(english, chinese))
    unmatched = [english[name.start : name.end] for name in people if not name.original]
    unmatched += _unmatched_words(english, chinese, [range(name.start, name.end) for name in people])
    return [name for name in unmatched if not _NO_NAME.match(name)]


def _unmatched_words(english: str, chinese: str, people: Sequence[range]) -> Iterator[str]:
    """Yield the one-word Chinese names, such as those of places, that resemble no reading of a Chinese text.

    people: the spans of people's names, which are skipped.
    """
    strange = []
    for word in _WORD.finditer(english):
        pairs = [way for way in syllables(word.group()) if len(way) == GIVEN]
        chinese_looking = _CHINESE.match(word.group().lower()) or is_city(word.group())
        if pairs and chinese_looking and not any(word.start() in name for name in people):
            strange.append((word.group(), "".join(pairs[0])))
    if strange:
        readings = {"".join(read) for pair in _windows(chinese, GIVEN) for read in product(*map(sounds, pair))}
        readings |= written_short(chinese)
        yield from (word for word, letters in strange if readings and not get_close_matches(letters, readings, 1, _SIMILAR))


def with_originals(english: str, chinese: str) -> str:
    """Return an English text with the original added in parentheses after the first mention of each person's name.

    Names that are misspelled, followed by a parenthesis, or whose original is already in the text, are left as they are.
    """
    seen = fold(english)
    insertions: list[tuple[int, str]] = []
    for name in names(english, chinese):
        possessive = _POSSESSIVE.match(english, name.end)
        end = possessive.end() if possessive else name.end
        right = english[name.start : name.end] == name.spelled
        if right and fold(name.original) not in seen and not re.match(r" ?[(（]", english[end:]):
            insertions.append((end, f" ({name.original})"))
            seen += fold(name.original)
    for place, gloss in reversed(insertions):
        english = english[:place] + gloss + english[place:]
    return english


def in_source_script(english: str, chinese: str) -> str:
    """Return an English text with the originals in its parentheses in the script of a Chinese text that contains them."""

    def own(original: re.Match[str]) -> str:
        written = own_characters(to_simplified(original[1]), chinese)
        return f"({written})" if written else original.group()

    return _ORIGINAL.sub(own, english)


def names(english: str, chinese: str) -> Iterator[RomanName]:
    """Yield the romanised names of people in an English text, in order, with their originals in a Chinese text.

    Words that match characters of the source which are not a person's name are skipped: "Tian Shan" for 天山.
    """
    if not has_han(chinese):
        return
    words = list(_WORD.finditer(english))
    end = 0
    for place, word in enumerate(words):
        if word.start() < end:
            continue
        rows = list(_rows(english, words[place : place + 1 + GIVEN]))
        found = next((name for row in rows for exact in (True, False) if (name := _name(row, chinese, exact))), None)
        if found is None and rows and not any(_stands_in(reading, chinese) for row in rows for reading in _readings(row)):
            found = RomanName(rows[0][0].start(), rows[0][-1].end(), "", "")
        if found:
            yield found
            end = found.end


def _rows(english: str, words: Sequence[re.Match[str]]) -> Iterator[Sequence[re.Match[str]]]:
    """Yield the first two or three words, the longer sequence first, where they can be a surname and a given name."""
    for count in range(len(words), 1, -1):
        row = words[:count]
        together = all(english[a.end() : b.start()] == " " for a, b in pairwise(row))
        if together and next(_readings(row), None):
            yield row


def _name(row: Sequence[re.Match[str]], chinese: str, exact: bool) -> RomanName | None:
    """Return the name that consecutive words spell, None unless exactly one original matches.

    exact: whether every syllable has to match; otherwise similar originals match, as `_like` defines it.
    """
    for reading in _readings(row):
        syllables = [syllable for word in reading for syllable in word]
        originals = {
            window
            for window in _likely_names(chinese, len(syllables))
            if begins_with_surname(window, len(reading[0]))
            and (_reads(syllables, window) if exact else _like(syllables, window))
        }
        if len(originals) == 1:
            original = originals.pop()
            spelled = " ".join(word.group() for word in row) if exact else _as_read(original, reading)
            return RomanName(row[0].start(), row[-1].end(), spelled, original)
    return None


def _as_read(original: str, reading: Sequence[Sequence[str]]) -> str:
    """Return the pinyin of characters, divided into words as in a similar reading."""
    characters = iter(original)
    return " ".join("".join(_closest(syllable, next(characters)) for syllable in word).capitalize() for word in reading)


def _readings(row: Sequence[re.Match[str]]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield the ways of reading words as a surname and a given name, as the syllables of each word."""
    surname, *given = (syllables(word.group()) for word in row)
    for first in surname:
        if "".join(first) not in surname_sounds():
            continue
        if len(given) == 1:
            yield from ((first, second) for second in given[0])
        elif all(len(word) == 1 and len(word[0]) == 1 for word in given):
            yield (first, *(word[0] for word in given))


def _windows(chinese: str, length: int) -> Iterator[str]:
    """Yield all runs of `length` consecutive Chinese characters in a text."""
    for run in _HAN_RUN.findall(chinese):
        yield from (run[start : start + length] for start in range(len(run) - length + 1))


def _likely_names(chinese: str, length: int) -> Iterator[str]:
    """Yield the runs that may be a name: without a function word after the first character."""
    return (window for window in _windows(chinese, length) if not has_function_word(window[1:]))


def _stands_in(reading: Sequence[Sequence[str]], chinese: str) -> bool:
    """Return whether any characters of a text have this reading."""
    syllables = [syllable for word in reading for syllable in word]
    return any(_reads(syllables, window) for window in _likely_names(chinese, len(syllables)))


def _reads(syllables: Sequence[str], characters: str) -> bool:
    return all(syllable in sounds(character) for syllable, character in zip(syllables, characters, strict=True))


def _like(syllables: Sequence[str], characters: str) -> bool:
    """Return whether characters have almost this reading: of three syllables or more, all but one match.

    The one that differs must not be the first; if it is the last, its first letter must match.
    """
    if len(syllables) <= GIVEN:
        return False
    pairs = list(zip(syllables, characters, strict=True))
    wrong = [number for number, (syllable, character) in enumerate(pairs) if syllable not in sounds(character)]
    if len(wrong) != 1 or wrong[0] == 0:
        return False
    syllable, character = pairs[wrong[0]]
    return wrong[0] < len(pairs) - 1 or any(sound[:1] == syllable[0] for sound in sounds(character))


def _closest(syllable: str, character: str) -> str:
    """Return a syllable if it is a reading of a character, otherwise the character's first reading."""
    read = sounds(character)
    return syllable if syllable in read else read[0]
