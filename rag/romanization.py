"""Hold Chinese names that an English text writes in Latin letters (Hanyu Pinyin, ISO 7098) to the characters of its source.

A small model spells a name as it thinks that it sounds; how its characters are read is known. This module knows readings, not
which characters are a name: it looks at two or more capitalised words in a row that are Chinese syllables, as in "Gu Yanzhang".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from rag.text import functional, has_han

LONGEST = 4
"""Syllables of a name, which has two at least."""
LIKE = 2 / 3
"""Share of a name's syllables, its first among them, that characters must be read as to be what is meant."""

_WORD = re.compile(r"\b[A-Z][a-z]+(?:['’-](?!s\b)[A-Za-z][a-z]*)*(?![\w-])")
_PART = re.compile(r"[a-z]+")
_HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")


@dataclass(frozen=True)
class RomanName:
    """Hold a name in an English text.

    start, end: its place there. spelled: as its characters are read, in as many words. original: these characters, "" where
    the source holds none that are read so.
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
        if name.original and english[name.start : name.end] not in asked:
            english = english[: name.start] + name.spelled + english[name.end :]
    return english


def unread(english: str, chinese: str) -> list[str]:
    """Return the names of an English text that are like none of a Chinese one."""
    return [english[name.start : name.end] for name in names(english, chinese) if not name.original]


def glossed(english: str, chinese: str) -> str:
    """Return an English text with the original behind the first mention of each name, where it has none yet."""
    seen: set[str] = set()
    behind: list[tuple[int, str]] = []
    for name in names(english, chinese):
        bare = not re.match(r"(?:['’]s)? [A-Z(（]", english[name.end :])
        if name.original and name.original not in seen and name.original not in english and bare:
            behind.append((name.end, f" ({name.original})"))
            seen.add(name.original)
    for place, gloss in reversed(behind):
        english = english[:place] + gloss + english[place:]
    return english


def names(english: str, chinese: str) -> Iterator[RomanName]:
    """Yield the names of an English text that are written in Latin letters, with their originals in a Chinese one."""
    for row in _rows(english) if has_han(chinese) else ():
        while len(row) > 1:
            parts = [row[i : i + words] for words in range(len(row), 1, -1) for i in range(len(row) - words + 1)]
            found = next((name for part in parts for like in (1.0, LIKE) if (name := _name(part, chinese, like))), None)
            if found is None:
                if any(_readings(row)):
                    yield RomanName(row[0].start(), row[-1].end(), "", "")
                break
            yield found
            row = [word for word in row if word.start() >= found.end]


def _rows(english: str) -> Iterator[list[re.Match[str]]]:
    """Yield capitalised words in a row, a space between each, that can be read as Chinese syllables."""
    row: list[re.Match[str]] = []
    for word in _WORD.finditer(english):
        if row and english[row[-1].end() : word.start()] != " ":
            yield row
            row = []
        if next(_syllables(word.group()), None):
            row.append(word)
        elif row:
            yield row
            row = []
    yield row


def _name(row: Sequence[re.Match[str]], chinese: str, like: float) -> RomanName | None:
    """Return the name that some words in a row are, None where not one original alone is so like them."""
    for reading in _readings(row):
        syllables = [syllable for word in reading for syllable in word]
        originals = {window for window in _windows(chinese, len(syllables)) if _likeness(syllables, window) >= like}
        if len(originals) == 1:
            original = originals.pop()
            read = iter([_closest(*pair) for pair in zip(syllables, original, strict=True)])
            spelled = " ".join("".join(next(read) for _ in word).capitalize() for word in reading)
            return RomanName(row[0].start(), row[-1].end(), spelled, original)
    return None


def _readings(row: Sequence[re.Match[str]]) -> Iterator[list[tuple[str, ...]]]:
    """Yield the ways of reading words in a row as the syllables of one name, a tuple of them for each word."""
    ways: list[list[tuple[str, ...]]] = [[]]
    for word in row:
        ways = [[*way, syllables] for way in ways for syllables in _syllables(word.group())]
    yield from (way for way in ways if 2 <= sum(map(len, way)) <= LONGEST)


def _syllables(word: str) -> Iterator[tuple[str, ...]]:
    """Yield the ways of taking a word apart into syllables, fewest first; none for a word that is not made of them."""
    ways: list[tuple[str, ...]] = [()]
    for part in _PART.findall(word.lower()):
        ways = [(*way, *rest) for way in ways for rest in _taken_apart(part)]
    yield from sorted((way for way in ways if len(way) <= LONGEST), key=len)


def _taken_apart(letters: str) -> Iterator[tuple[str, ...]]:
    if not letters:
        yield ()
    for end in range(1, min(len(letters), 6) + 1):
        if letters[:end] in _known_syllables():
            yield from ((letters[:end], *rest) for rest in _taken_apart(letters[end:]))


def _windows(chinese: str, length: int) -> Iterator[str]:
    """Yield so many characters in a row, of a Chinese text, that may be a name: no function words among them."""
    for run in _HAN_RUN.findall(chinese):
        for start in range(len(run) - length + 1):
            window = run[start : start + length]
            if not functional(window):
                yield window


def _likeness(syllables: Sequence[str], characters: str) -> float:
    """Return the share of syllables that characters are read as, 0 where the first is not."""
    same = [syllable in _sounds(character) for syllable, character in zip(syllables, characters, strict=True)]
    return sum(same) / len(same) if same[0] else 0.0


def _closest(syllable: str, character: str) -> str:
    """Return how a character is read: as a syllable, or the first of its readings."""
    sounds = _sounds(character)
    return syllable if syllable in sounds else sounds[0]


@cache
def _sounds(character: str) -> tuple[str, ...]:
    """Return the readings of a character without tones, "lü" as "lu" too, since few write it; "" of one that has none."""
    from pypinyin import Style, pinyin

    read = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore")
    return tuple(dict.fromkeys(sound.replace("v", "u") for sounds in read for sound in sounds)) or ("",)


@cache
def _known_syllables() -> frozenset[str]:
    from pypinyin.contrib.tone_convert import to_normal
    from pypinyin.pinyin_dict import pinyin_dict

    listed = {sound for character, sounds in pinyin_dict.items() if chr(character) <= "\u9fff" for sound in sounds.split(",")}
    read = {to_normal(sound).replace("v", "u") for sound in listed}
    return frozenset(sound for sound in read if len(sound) > 1 or sound in "aeo")
