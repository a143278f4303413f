"""Hold the names that an English text writes in Latin letters to the Chinese characters of its source.

A small model spells a name as it thinks that it sounds; how its characters are read is known (Hanyu Pinyin, ISO 7098). The name
of a person is a surname of the common ones and one or two syllables behind it, each word with a capital: "Gu Yanzhang", "Gong
Shu Lan". It is mended where its source has one that is like it. Of other names, a word of two syllables that only Chinese is
spelled with is told where its source has nothing like it: a model puts a city that it knows in place of one that it does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from itertools import pairwise, product

from rag.english.pinyin import GIVEN, begins_with_surname, is_city, sounds, surname_sounds, syllables, written_short
from rag.text import fold
from rag.text.script import HAN, functional, has_han, own_characters, to_simplified

_WORD = re.compile(r"[A-Z][a-z]+(?:['’-](?!s\b)[A-Za-z][a-z]*)*(?![\w-])")
_HAN_RUN = re.compile(f"[{HAN}]+")
_ORIGINAL = re.compile(rf"\(({_HAN_RUN.pattern})\)")
_POSSESSIVE = re.compile(r"['’]s\b")
_NO_NAME = re.compile(r"Hong Kong\b|.*[aiou][b-df-hj-np-tv-z]+e$")
"""Words that could be read as a Chinese name, and are English: "Lane", "Gate"."""
_CHINESE = re.compile(
    r"(?!(?:along|bayou|cacao|chennai|danang|laotian|macao|manga|pixie|sarong|sendai|taxi|(?:bo|fa|mi|ta|wa)xing)$)"
    r"(?:.*(?:zh|x|q[ian]|ng[a-z]|uo|ao|iu|uan)|.*(?:ou|ai|ui|yu|ang|ong|eng)$)"
)
"""Words that hold what few but Chinese ones do, when they are spelled in syllables as those are."""
_SIMILAR = 0.75
"""Share of their letters that a word and the reading of characters have in common to be meant for one another."""


@dataclass(frozen=True)
class RomanName:
    """Hold a name in an English text.

    start, end: its place there. spelled: as its characters are read, in as many words. original: these characters, "" where
    the source holds no name that is like it.
    """

    start: int
    end: int
    spelled: str
    original: str


def respelled(english: str, chinese: str, asked: str = "") -> str:
    """Return an English text in which each name that is like one of a Chinese text is spelled as that one is read.

    asked: a question, whose own spelling of a name is kept.
    """
    for name in reversed(list(names(english, chinese))):
        if name.original and english[name.start : name.end].lower() not in asked.lower():
            english = english[: name.start] + name.spelled + english[name.end :]
    return english


def unread(english: str, chinese: str) -> list[str]:
    """Return the names of an English text that are like none of a Chinese one."""
    people = list(names(english, chinese))
    told = [english[name.start : name.end] for name in people if not name.original]
    told += _elsewhere(english, chinese, [range(name.start, name.end) for name in people])
    return [name for name in told if not _NO_NAME.match(name)]


def _elsewhere(english: str, chinese: str, people: Sequence[range]) -> Iterator[str]:
    """Yield the Chinese names in one word that are like nothing in a Chinese text.

    people: where the names of people stand, which are passed over.
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


def glossed(english: str, chinese: str) -> str:
    """Return an English text with the original behind the first mention of each name, where it has none yet."""
    seen = fold(english)
    behind: list[tuple[int, str]] = []
    for name in names(english, chinese):
        possessive = _POSSESSIVE.match(english, name.end)
        end = possessive.end() if possessive else name.end
        right = english[name.start : name.end] == name.spelled
        if right and fold(name.original) not in seen and not re.match(r" ?[(（]", english[end:]):
            behind.append((end, f" ({name.original})"))
            seen += fold(name.original)
    for place, gloss in reversed(behind):
        english = english[:place] + gloss + english[place:]
    return english


def as_written(english: str, chinese: str) -> str:
    """Return an English text whose originals in parentheses are in the characters in which a Chinese text has them."""

    def own(original: re.Match[str]) -> str:
        written = own_characters(to_simplified(original[1]), chinese)
        return f"({written})" if written else original.group()

    return _ORIGINAL.sub(own, english)


def names(english: str, chinese: str) -> Iterator[RomanName]:
    """Yield the names of an English text that are written in Latin letters, with their originals in a Chinese one.

    What its source writes, and is no name of a person, is passed over: "Tian Shan" for 天山.
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
    """Yield a surname with one or two words behind it, the longer first, where they can be read as one name."""
    for count in range(len(words), 1, -1):
        row = words[:count]
        together = all(english[a.end() : b.start()] == " " for a, b in pairwise(row))
        if together and next(_readings(row), None):
            yield row


def _name(row: Sequence[re.Match[str]], chinese: str, exact: bool) -> RomanName | None:
    """Return the name that words in a row are, None where not one original alone is read so, or nearly so."""
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
    """Return characters as they are read, in the words of a reading that is like them."""
    characters = iter(original)
    return " ".join("".join(_closest(syllable, next(characters)) for syllable in word).capitalize() for word in reading)


def _readings(row: Sequence[re.Match[str]]) -> Iterator[tuple[tuple[str, ...], ...]]:
    """Yield the ways of reading words as a surname and a given name, the syllables of each word."""
    surname, *given = (syllables(word.group()) for word in row)
    for first in surname:
        if "".join(first) not in surname_sounds():
            continue
        if len(given) == 1:
            yield from ((first, second) for second in given[0])
        elif all(len(word) == 1 and len(word[0]) == 1 for word in given):
            yield (first, *(word[0] for word in given))


def _windows(chinese: str, length: int) -> Iterator[str]:
    """Yield so many characters in a row, of a Chinese text."""
    for run in _HAN_RUN.findall(chinese):
        yield from (run[start : start + length] for start in range(len(run) - length + 1))


def _likely_names(chinese: str, length: int) -> Iterator[str]:
    """Yield those that may be a name: with no function word among the later characters."""
    return (window for window in _windows(chinese, length) if not functional(window[1:]))


def _stands_in(reading: Sequence[Sequence[str]], chinese: str) -> bool:
    """Tell whether any characters of a text are read so."""
    syllables = [syllable for word in reading for syllable in word]
    return any(_reads(syllables, window) for window in _likely_names(chinese, len(syllables)))


def _reads(syllables: Sequence[str], characters: str) -> bool:
    return all(syllable in sounds(character) for syllable, character in zip(syllables, characters, strict=True))


def _like(syllables: Sequence[str], characters: str) -> bool:
    """Tell whether all but one of three syllables or more are right, and that one is in the middle or begins as it should."""
    if len(syllables) <= GIVEN:
        return False
    pairs = list(zip(syllables, characters, strict=True))
    wrong = [number for number, (syllable, character) in enumerate(pairs) if syllable not in sounds(character)]
    if len(wrong) != 1 or wrong[0] == 0:
        return False
    syllable, character = pairs[wrong[0]]
    return wrong[0] < len(pairs) - 1 or any(sound[:1] == syllable[0] for sound in sounds(character))


def _closest(syllable: str, character: str) -> str:
    """Return how a character is read: as a syllable, or the first of its readings."""
    read = sounds(character)
    return syllable if syllable in read else read[0]
