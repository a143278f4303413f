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
from difflib import SequenceMatcher
from functools import cache
from itertools import pairwise, product

from rag.text import fold, functional, has_han, to_simplified

SURNAMES = frozenset(
    "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖萧田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏"
    "韦付傅方白邹孟熊秦邱江尹薛闫阎段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔汤温康施牛樊葛邢齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关"
    "焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂苗谷盛曲翁骆蓝路游辛靳管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤穆卓古简车项连麦褚娄窦岑景"
    "宫费卜冷晏席卫米柏宗瞿桂佟臧闵邬卞姬仇栾商刁沙荣巫寇桑郎甄仲虞敖巩佘查邝谈匡鞠荆郁胥班储楚冼蔺楼厉洪"
)
DOUBLE_SURNAMES = frozenset("欧阳 司马 诸葛 上官 司徒 东方 皇甫 尉迟 公孙 慕容 令狐 夏侯 端木".split())

_WORD = re.compile(r"[A-Z][a-z]+(?:['’-](?!s\b)[A-Za-z][a-z]*)*(?![\w-])")
_PART = re.compile(r"[a-z]+")
_HAN_RUN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]+")
_POSSESSIVE = re.compile(r"['’]s\b")
_NO_NAME = re.compile(r"Hong Kong\b|.*[aiou][b-df-hj-np-tv-z]+e$")
"""Words that could be read as a Chinese name, and are English: "Lane", "Gate"."""
_CHINESE = re.compile(
    r"(?!(?:along|manga|pixie|sarong|taxi)$)(?:.*(?:zh|x|q[ian]|ng[a-z]|uo|ao|iu|uan)|.*(?:ou|ai|ui|yu|ang|ong|eng)$)"
)
"""Words that hold what few but Chinese ones do, when they are spelled in syllables as those are."""
_SIMILAR = 0.75
"""Share of their letters that a word and the reading of characters have in common to be meant for one another."""
_LONGEST_SYLLABLE = 6
_GIVEN = 2
"""Syllables of a given name, at most."""


_FOREIGN = frozenset("斯尔克特蒂姆茨弗兹夫勒廷顿")
"""Characters of foreign names that hardly one Chinese name has."""
_EXONYMS = frozenset(
    (
        "日本 东京 大阪 京都 名古屋 横滨 朝鲜 首尔 越南 河内 印度 新加坡 马来西亚 印尼 菲律宾 缅甸 蒙古 "
        "俄罗斯 莫斯科 欧盟 伦敦 巴黎 柏林 罗马 荷兰 波兰 瑞士 瑞典 挪威 丹麦 芬兰 希腊 奥地利 比利时 "
        "葡萄牙 西班牙 意大利 土耳其 以色列 埃及 巴西 智利 秘鲁 墨西哥 加拿大 纽约 波士顿 洛杉矶 旧金山 "
        "硅谷 香港 澳门 台北 台中 高雄 基隆 新竹 金门 西藏 拉萨 内蒙古 呼和浩特 乌鲁木齐 哈尔滨 陕西 黄河 "
        "长江 珠江"
    ).split()
)
"""Places that English has names of its own for, or spells in its own way."""
_GENERIC = frozenset("国洲区厂府店院校馆库场站所局司社会铺带机")
"""Last characters of countries, and of what is no place but a kind of place or thing."""


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


def romanized(name: str, person: bool) -> str:
    """Return a name in Chinese characters as they are read, "" of one that English has another name for, or may have.

    person: whether it is the name of a person, of which only a Chinese one is spelled so; else it is that of a place.
    """
    from pypinyin import lazy_pinyin

    folded = to_simplified(name)
    sounds = [sound.replace("v", "u") for sound in lazy_pinyin(folded)]
    if not person:
        return "" if folded in _EXONYMS or folded[-1] in _GENERIC else _joined(sounds)
    surname = 2 if folded[:2] in DOUBLE_SURNAMES else 1
    if not _surname(folded, surname) or not surname < len(folded) <= surname + _GIVEN or _FOREIGN & set(folded):
        return ""
    return f"{_joined(sounds[:surname])} {_joined(sounds[surname:])}"


def _joined(sounds: Sequence[str]) -> str:
    """Return syllables as one word, an apostrophe before one that could be the end of another."""
    return "".join(f"'{sound}" if number and sound[0] in "aeo" else sound for number, sound in enumerate(sounds)).capitalize()


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
    pairs = set(_windows(chinese, _GIVEN))
    for word in _WORD.finditer(english) if pairs else ():
        spelled = word.group().lower()
        if _CHINESE.match(spelled) and not any(word.start() in name for name in people):
            in_two = any(len(way) == _GIVEN for way in _syllables(word.group()))
            if in_two and not any(_resembles(_letters(spelled), pair) for pair in pairs):
                yield word.group()


def _letters(word: str) -> str:
    return "".join(_PART.findall(word))


def _resembles(letters: str, characters: str) -> bool:
    """Tell whether letters are those that characters are read as, or nearly so."""
    return any(SequenceMatcher(None, letters, "".join(read)).ratio() >= _SIMILAR for read in product(*map(_sounds, characters)))


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
        rows = list(_rows(english, words[place : place + 1 + _GIVEN]))
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
            for window in _windows(chinese, len(syllables))
            if not functional(window[1:])
            and _surname(window, len(reading[0]))
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
    surname, *given = (_syllables(word.group()) for word in row)
    for first in surname:
        if "".join(first) not in _surname_sounds():
            continue
        if len(given) == 1:
            yield from ((first, second) for second in given[0])
        elif all(len(word) == 1 and len(word[0]) == 1 for word in given):
            yield (first, *(word[0] for word in given))


@cache
def _syllables(word: str) -> tuple[tuple[str, ...], ...]:
    """Return the ways of taking a word apart into one or two syllables; none for a word that is not made of them.

    Within a word, a syllable that begins with a, e or o has an apostrophe before it.
    """
    parts = _PART.findall(word.lower())
    if len(parts) > 1:
        return (tuple(parts),) if len(parts) == _GIVEN and set(parts) <= _known_syllables() else ()
    (letters,) = parts
    cuts = range(1, min(len(letters), _LONGEST_SYLLABLE + 1))
    ways = [(letters,), *((letters[:cut], letters[cut:]) for cut in cuts if letters[cut] not in "aeo")]
    return tuple(way for way in ways if set(way) <= _known_syllables())


def _windows(chinese: str, length: int) -> Iterator[str]:
    """Yield so many characters in a row, of a Chinese text."""
    for run in _HAN_RUN.findall(chinese):
        yield from (run[start : start + length] for start in range(len(run) - length + 1))


def _surname(window: str, length: int) -> bool:
    """Tell whether characters begin with a surname of one or two."""
    first = to_simplified(window[:length])
    return first in (SURNAMES if length == 1 else DOUBLE_SURNAMES)


def _stands_in(reading: Sequence[Sequence[str]], chinese: str) -> bool:
    """Tell whether any characters of a text are read so."""
    syllables = [syllable for word in reading for syllable in word]
    return any(_reads(syllables, window) for window in _windows(chinese, len(syllables)) if not functional(window[1:]))


def _reads(syllables: Sequence[str], characters: str) -> bool:
    return all(syllable in _sounds(character) for syllable, character in zip(syllables, characters, strict=True))


def _like(syllables: Sequence[str], characters: str) -> bool:
    """Tell whether all but one of three syllables or more are right, and that one is in the middle or begins as it should."""
    if len(syllables) <= _GIVEN:
        return False
    pairs = list(zip(syllables, characters, strict=True))
    wrong = [number for number, (syllable, character) in enumerate(pairs) if syllable not in _sounds(character)]
    if len(wrong) != 1 or wrong[0] == 0:
        return False
    syllable, character = pairs[wrong[0]]
    return wrong[0] < len(pairs) - 1 or any(sound[:1] == syllable[0] for sound in _sounds(character))


def _closest(syllable: str, character: str) -> str:
    """Return how a character is read: as a syllable, or the first of its readings."""
    sounds = _sounds(character)
    return syllable if syllable in sounds else sounds[0]


@cache
def _sounds(character: str) -> tuple[str, ...]:
    """Return the readings of a character without tones, "lü" as "lu", since few write it; "" of one that has none."""
    from pypinyin import Style, pinyin

    read = pinyin(character, style=Style.NORMAL, heteronym=True, errors="ignore")
    return tuple(dict.fromkeys(sound.replace("v", "u") for sounds in read for sound in sounds)) or ("",)


@cache
def _surname_sounds() -> frozenset[str]:
    double = {a + b for name in DOUBLE_SURNAMES for a in _sounds(name[0]) for b in _sounds(name[1])}
    return frozenset(sound for character in SURNAMES for sound in _sounds(character)) | double


@cache
def _known_syllables() -> frozenset[str]:
    from pypinyin.contrib.tone_convert import to_normal
    from pypinyin.pinyin_dict import pinyin_dict

    listed = {sound for character, sounds in pinyin_dict.items() if chr(character) <= "\u9fff" for sound in sounds.split(",")}
    read = {to_normal(sound).replace("v", "u") for sound in listed}
    return frozenset(sound for sound in read if re.search("[aeiou]", sound))
