"""Romanise Chinese names in Hanyu Pinyin (ISO 7098), and split romanised words into pinyin syllables.

The readings of characters are pypinyin's. `pinyin.toml` adds surnames, places that have English names of their own, city names
and readings that are particular to names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rag import tables
from rag.text.script import to_simplified

GIVEN = 2
"""Maximum number of syllables in a given name; most place names have exactly this many."""
LONGEST_SYLLABLE = 6
"""In letters."""
_PART = re.compile(r"[a-z]+")


class _Known(NamedTuple):
    """The contents of `pinyin.toml`."""

    surnames: frozenset[str]
    double_surnames: frozenset[str]
    foreign: frozenset[str]
    exonyms: frozenset[str]
    generic: frozenset[str]
    kinds: frozenset[str]
    cities: frozenset[str]
    short: Mapping[str, str]
    read: Mapping[str, str]
    read_surnames: Mapping[str, str]


def romanized(name: str, person: bool) -> str:
    """Return the pinyin spelling of a name in Chinese characters, "" where English has, or may have, another name for it.

    person: whether the name is that of a person; otherwise it is that of a place. A person's must be a known surname and a
    given name of one or two characters. A place's loses its final character for province, city, county or the like.
    """
    folded = to_simplified(name)
    known = _known()
    if known.foreign & set(folded) or not all(sounds(character)[0] for character in folded):
        return ""
    read = _read(folded)
    if not person:
        length = len(folded) - 1 if len(folded) > GIVEN and folded[-1] in known.kinds else len(folded)
        place = folded[:length]
        return "" if place in known.exonyms or place[-1] in known.generic else _joined(read[:length])
    surname = 2 if folded[:2] in known.double_surnames else 1
    if not begins_with_surname(folded, surname) or not surname < len(folded) <= surname + GIVEN:
        return ""
    first = known.read_surnames.get(folded[:surname]) or _joined(read[:surname])
    return f"{first.capitalize()} {_joined(read[surname:])}"


def _read(characters: str) -> list[str]:
    """Return one reading for each character of a name; every character must have one."""
    from pypinyin import lazy_pinyin

    otherwise = _known().read
    read = zip(characters, lazy_pinyin(characters), strict=True)
    return [otherwise.get(character, sound).replace("v", "u") for character, sound in read]


def _joined(read: Sequence[str]) -> str:
    """Return syllables as one capitalised word, with an apostrophe before a later syllable that begins with a, e or o."""
    return "".join(f"'{sound}" if number and sound[0] in "aeo" else sound for number, sound in enumerate(read)).capitalize()


def is_city(word: str) -> bool:
    """Return whether a word names a Chinese city or province whose spelling alone does not show that it is Chinese."""
    return word.lower() in _known().cities


def written_short(chinese: str) -> set[str]:
    """Return the pinyin of every place whose one-character abbreviation occurs in a text (浙 in 浙大).

    The character may be used in another sense, so the result can include places that are not meant.
    """
    short = _known().short
    return {short[character] for character in to_simplified(chinese) if character in short}


@cache
def syllables(word: str) -> tuple[tuple[str, ...], ...]:
    """Return all ways of splitting a word into one or two pinyin syllables, empty if there are none.

    A second syllable that begins with a, e or o must have an apostrophe or a hyphen before it.
    """
    parts = _PART.findall(word.lower())
    if len(parts) > 1:
        return (tuple(parts),) if len(parts) == GIVEN and set(parts) <= _known_syllables() else ()
    (letters,) = parts
    cuts = range(1, min(len(letters), LONGEST_SYLLABLE + 1))
    ways = [(letters,), *((letters[:cut], letters[cut:]) for cut in cuts if letters[cut] not in "aeo")]
    return tuple(way for way in ways if set(way) <= _known_syllables())


def begins_with_surname(window: str, length: int) -> bool:
    """Return whether the first `length` characters, one or two, are a surname."""
    first = to_simplified(window[:length])
    return first in (_known().surnames if length == 1 else _known().double_surnames)


@cache
def sounds(character: str) -> tuple[str, ...]:
    """Return the readings of a character without tones, ("",) if it has none; "lü" is given as "lu", the common spelling."""
    from pypinyin import Style, pinyin

    read = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore")
    return tuple(dict.fromkeys(sound.replace("v", "u") for readings in read for sound in readings)) or ("",)


@cache
def surname_sounds() -> frozenset[str]:
    """Return all readings of the known surnames, those of two characters as one word."""
    double = {a + b for name in _known().double_surnames for a in sounds(name[0]) for b in sounds(name[1])}
    return frozenset(sound for character in _known().surnames for sound in sounds(character)) | double


@cache
def _known_syllables() -> frozenset[str]:
    from pypinyin.contrib.tone_convert import to_normal
    from pypinyin.pinyin_dict import pinyin_dict

    listed = {
        sound for character, readings in pinyin_dict.items() if chr(character) <= "\u9fff" for sound in readings.split(",")
    }
    read = {to_normal(sound).replace("v", "u") for sound in listed}
    return frozenset(sound for sound in read if re.search("[aeiou]", sound))


@cache
def _known() -> _Known:
    table = tables.read(Path(__file__).with_suffix(".toml"))
    return _Known(
        surnames=frozenset("".join(table["surnames"].split())),
        double_surnames=frozenset(table["double_surnames"].split()),
        foreign=frozenset(table["foreign"]),
        exonyms=frozenset(table["exonyms"].split()),
        generic=frozenset(table["generic"]),
        kinds=frozenset(table["kinds"]),
        cities=frozenset(table["cities"].split()),
        short=table["short"],
        read=table["read"],
        read_surnames=table["read_surnames"],
    )
