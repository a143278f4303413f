"""Fold, detect and split text: pure functions on strings.

Folding (NFKC, lower case, Traditional to Simplified) is for matching only; nothing folded is ever shown as a quote.
Scripts are converted with OpenCC. This module knows characters and sentences; it knows nothing of documents or models.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from functools import cache
from typing import Literal

import opencc

Script = Literal["zh-Hant", "zh-Hans"]
Language = Script | Literal["en"]

LONGEST_SENTENCE = 400
"""Code points after which a sentence is cut at a clause, so that one endless line cannot swallow a prompt."""
LATIN_WORD = 1.5
"""Chinese characters that a Latin word or a number is as long as."""
LATIN_LETTERS = 3
"""Code points of a text without Chinese that say as much as a Chinese character."""
OWN_RUN = 3
"""Characters in a row that a text shares with a source, from which they are the source's: fewer may meet by chance."""
HAN = r"\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Chinese characters, to stand in a character class of a regular expression."""
LIST_NUMBER = r"[（(]?\d{1,2}(?:\.(?!\d)(?=[^\S\n]*\S)|、(?!\d)|[)）])"
"""The number of a list's item: "1.", "(2)", "3、"; no "42." that says all, and none of "18、19"."""
FOOTNOTE = r"\[\d{1,3}\]"
"""A footnote mark, as in Wikipedia; no year, as in 国发[2023]5号."""
_HAN = re.compile(f"[{HAN}]")
_OF_BOTH_SCRIPTS = "台吃唇峰床灶痴皂秘粽群"
"""What OpenCC writes otherwise in Traditional (臺, 喫, 脣, …), though texts in Traditional characters write it as it is."""
_OF_ONE_SCRIPT = re.compile(f"(?![{_OF_BOTH_SCRIPTS}])[{HAN}]")
IN_PARENTHESES = re.compile(r"[(（][^()（）]*[)）]")
_LATIN_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")
_TERM = re.compile(rf"\d+(?:[.,]\d+)*%?|[a-z][a-z0-9'’]*|[{HAN}]+")
_ENDERS = "。！？!?…"
_OPENERS = {"“": "”", "「": "」", "『": "』", "（": "）", "(": ")", "《": "》", "〈": "〉", "【": "】", "‘": "’"}
_CLOSERS = "”」』）)》〉】’\"'"
_SPEECH = "”」』"
_STRAIGHT_QUOTE = re.compile(r"\n|\"|(?<![A-Za-z])'|'(?![A-Za-z])")
_SPEAKER = re.compile(r"[”」』’\"']+\s+[a-z]")
"""What stands behind the mark of a speech whose sentence goes on: “Why?” he asked."""
_ADDRESS = re.compile(r"https?://[!-~]*[A-Za-z0-9/=&#%_-]")
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Gov|Gen|Sen|Rep|Rev|Lt|Col|Capt|Sgt|Mt|Inc|Ltd|Co|Corp|No|Fig|Sec|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|[Vv]ol|pp|cf|al|vs|etc|approx|e\.g|i\.e|U\.S|a\.m|p\.m)$"
)
_LONGEST_ABBREVIATION = 6
_LISTED = re.compile(rf"[\s#>*-]*{LIST_NUMBER}")
_CLAUSE_MARK = re.compile(r"[；;，]|,(?!\d)")
_SPACE = re.compile(r"\s")
_POINTER = re.compile(
    r"^(?:这|那(?!么)|此(?!外)|该|它|其(?![中他它余实次]))|这[些几]|那[些几]|上述|^(?:this|these|that|those|such|it|they)\b|\bthese\b"
)
_DENIAL = re.compile(
    r"不(?![仅只但断少过论管同久妨愧由禁止得])|没(?!收)|未(?![来必])|无(?![论疑数比穷限人])|非(?![常洲])|"
    r"\b(?:not(?! only)|no(?! doubt)|none|never|neither|nor|cannot|nobody|nothing|hardly)\b|n't\b"
)
_COMPARISON = re.compile(
    r"不如|不及|胜过|(?<![占对分之])比(?![如例喻重赛特较])|更(?![新换改名替])|(?:[高低大小优强弱多少快慢早晚]于|超过)(?!约?[\d一二两三半])|"
    r"\b(?:more|less|fewer|better|worse|(?<!rather )(?<!other )than)\b(?!(?: than)? (?:\W?\d|half|an?\b|one\b|two\b|three\b))"
)
"""Words that set one thing against another, not those that give an amount ("more than 200")."""
_FOOTNOTES = re.compile(f"(?:{FOOTNOTE})+")
_DOUBT = re.compile(
    r"猜(?![谜拳灯字想])|(?<![引习赖信足不可难视])以为(?![然继荣耻傲豪戒鉴憾常例期社人])|疑心|怀疑|(?<![数依根证凭票])据[说称传悉]|传[说闻]|"
    r"谣传|听说|有人[说讲称]|说法|(?<![口耳代世脉手])相传|号称|声称|自称|"
    r"\b(?:guess(?:e[ds])?|suspect(?:ed)? (?:that|of|the|an?|it)|suppos(?:es?|edly)|allegedly|reportedly|rumou?red|said to|"
    r"(?:assum|believ)(?:es?|ed) (?:that|to|it|he|she|they)|mistaken(?:ly)?|thought (?!of\b)|"
    r"claim(?:s|ed) (?:that|to|it|he|she|they))\b"
)
"""Words that only pass on what somebody holds to be so."""
_CLAUSE_END = re.compile(r"[，;；:：。!！?？]|,(?!\d)")
_INVISIBLE = re.compile(r"[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff\u00ad]")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ENGLISH_FUNCTION = frozenset(
    "a an and are as at be by can could did do does for from had has have how i if in is it its many me much my of on or "
    "please so tell than that the their them there they this to was we were what when where which who whom whose why will "
    "with would you your explain about".split()
)
_ENGLISH_OPENING = frozenset(
    "are can compare could define describe did discuss do does explain give had has have introduce is list name outline show "
    "summarise summarize tell translate was were will would".split()
)
"""Verbs that make a question English by standing first."""
_CHINESE_FUNCTION = frozenset("的是了么吗嘛呢吧啊什怎为啥哪谁几多少在有和与跟把被这那你我他它们就都不没会能可以请说讲对从到于")


@cache
def _converter(name: str) -> opencc.OpenCC:
    return opencc.OpenCC(name)


def _converted(text: str, name: str) -> str:
    """Return text as a table of OpenCC's converts it; lone surrogates, which that refuses, become question marks."""
    return str(_converter(name).convert(text.encode("utf-8", "replace").decode()))


def to_simplified(text: str) -> str:
    """Return the text in Simplified characters."""
    return _converted(text, "t2s")


def own_characters(name: str, text: str) -> str:
    """Return a name, in Simplified characters, as a text writes it, "" where it has it not or that cannot be told."""
    simplified = to_simplified(text)
    place = simplified.find(name)
    return text[place : place + len(name)] if place >= 0 and len(simplified) == len(text) else ""


def with_own_characters(text: str, sources: Sequence[str]) -> str:
    """Return Traditional text, its sources' own characters in what they hold: 余承東, which tables write 餘承東."""
    simplified = to_simplified(text)
    if len(simplified) != len(text):
        return text
    known = [(folded, source) for source in sources if len(folded := to_simplified(source)) == len(source)]
    own, place = "", 0
    while place < len(text):
        run = max((_run(simplified, place, *pair) for pair in known), key=len, default="")
        own += run if len(run) >= OWN_RUN else text[place]
        place += len(run) if len(run) >= OWN_RUN else 1
    return own


def _run(simplified: str, place: int, folded: str, source: str) -> str:
    """Return the longest run that stands at a place of a text in Simplified characters and in a source, in that one's own."""
    found, length = -1, 0
    while place + length < len(simplified):
        further = folded.find(simplified[place : place + length + 1], max(found, 0))
        if further < 0:
            break
        found, length = further, length + 1
    return source[found : found + length]


def to_traditional(text: str) -> str:
    """Return the text in Traditional characters (Taiwan's standard forms), whatever mixture it came in."""
    return _converted(to_simplified(text), "s2tw")


def to_script(text: str, language: Language) -> str:
    """Return Chinese text in the script of a language; English readers get the text as it is."""
    if language == "en":
        return text
    return to_traditional(text) if language == "zh-Hant" else to_simplified(text)


def clean(text: str) -> str:
    """Return text without control, zero-width and direction characters, lone surrogates replaced."""
    text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return _CONTROL.sub(" ", _INVISIBLE.sub("", text))


def fold(text: str) -> str:
    """Return the form in which texts are compared: normalized, and lower case."""
    return normalize(text).lower()


def normalize(text: str) -> str:
    """Return the form in which questions are embedded: NFKC, Simplified, no invisible characters; case tells names."""
    return to_simplified(_INVISIBLE.sub("", unicodedata.normalize("NFKC", text)))


def terms(text: str, folding: Callable[[str], str] = fold) -> list[str]:
    """Return the words of a text for lexical search: folded character bigrams, Latin words and numbers, in order.

    A run of one Chinese character is its own term. Numbers lose their thousands separators.
    """
    found: list[str] = []
    for piece in _TERM.findall(folding(text)):
        if _HAN.match(piece):
            found += [piece[i : i + 2] for i in range(len(piece) - 1)] or [piece]
        else:
            found.append(piece.replace(",", "") if piece[0].isdigit() else piece)
    return found


def content(text: str) -> set[str]:
    """Return the terms of a text that carry its meaning: English function words are left out."""
    return set(terms(text)) - _ENGLISH_FUNCTION


def share_held(words: set[str], text: str) -> float:
    """Return the share of some terms that the content of a text holds; 0 of none."""
    return len(words & content(text)) / len(words) if words else 0.0


def asks(text: str) -> bool:
    """Tell whether a sentence is a question."""
    return text.endswith(("?", "？"))


def points_back(text: str) -> bool:
    """Tell whether a sentence begins with a pointer, or holds one, at what stands before it."""
    return _POINTER.search(fold(text)) is not None


def denies(text: str) -> bool:
    """Tell whether a text holds a word that denies."""
    return _DENIAL.search(fold(text).replace("’", "'")) is not None


def compares(text: str) -> bool:
    """Tell whether a text says how one thing stands to another: more, less, better."""
    return _COMPARISON.search(fold(text)) is not None


def doubts(text: str) -> bool:
    """Tell whether a text only passes on what somebody guesses, believes or claims."""
    return _DOUBT.search(fold(text)) is not None


def functional(text: str) -> bool:
    """Tell whether a Chinese text holds a function word, such as 的."""
    return not _CHINESE_FUNCTION.isdisjoint(to_simplified(text))


def clauses(text: str) -> list[str]:
    """Return the clauses of a text, without the marks that end them."""
    return _CLAUSE_END.split(text)


def has_letters(text: str) -> bool:
    """Tell whether a text says anything at all: whether it holds a letter or a digit."""
    return any(character.isalnum() for character in text)


def has_han(text: str) -> bool:
    """Tell whether a text holds a Chinese character."""
    return _HAN.search(text) is not None


def mostly_latin(text: str) -> bool:
    """Tell whether more than half of a text is Latin letters."""
    return sum(character.isascii() and character.isalpha() for character in text) > len(text) / 2


def extent(text: str) -> float:
    """Return how much a text says: its code points, or, without Chinese, as many Chinese characters as would say it."""
    return len(text) if has_han(text) else len(text) / LATIN_LETTERS


def script(text: str) -> Script | None:
    """Return the Chinese script of a text, or None where its characters belong to both."""
    han = "".join(_OF_ONE_SCRIPT.findall(text))
    traditional = sum(a != b for a, b in zip(han, to_simplified(han), strict=False))
    simplified = sum(a != b for a, b in zip(han, _converted(han, "s2t"), strict=False))
    if traditional == simplified:
        return None
    return "zh-Hant" if traditional > simplified else "zh-Hans"


def traditional(text: str) -> bool:
    """Tell whether a text is written in Traditional characters, and not converted to them from others one by one.

    A text that was has 于 for every 於, and its other characters are not to be relied on either.
    """
    return script(text) == "zh-Hant" and not ("于" in text and "於" not in text)


def language(text: str, default: Script) -> Language:
    """Return the language in which a question wants its answer.

    default: the script for Chinese whose characters belong to both. A mixed question follows the language of its function
    words ("deepseek为啥…" is Chinese, "What does 雙聘制 mean?" is English), a verb that opens it counting twice, and not its
    explanations in parentheses.
    """
    spoken = IN_PARENTHESES.sub("", text) if has_han(text) else text
    if not has_han(spoken) and _LATIN_WORD.search(spoken):
        return "en"
    words = [re.split("['’]", word)[0] for word in _LATIN_WORD.findall(text.lower())]
    opens = _LATIN_WORD.match(text.lstrip()) is not None and words[0] in _ENGLISH_OPENING
    english = sum(word in _ENGLISH_FUNCTION for word in words[opens:]) + 2 * opens
    chinese = sum(character in _CHINESE_FUNCTION for character in to_simplified(text))
    if english > chinese:
        return "en"
    return script(text) or default


def split_sentences(text: str, longest: int = LONGEST_SENTENCE) -> list[tuple[int, int]]:
    """Return the sentences of one paragraph as (start, end) offsets, in order, without surrounding white space.

    An end mark inside a title, an address or an unfinished quotation does not end a sentence; decimal points, abbreviations,
    list numbers and names such as "To C" stay whole. Sentences of more code points than `longest` are cut, at a clause where
    there is one.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    depths, opening = _depths(text), _opening_quotes(text)
    position = 0
    while position < len(text):
        if not _ends_sentence(text, start, position, depths):
            position += 1
            continue
        position += 1
        while position not in opening and (behind := _behind_end(text, position)):
            position = behind
        spans.append((start, position))
        start = position
    spans.append((start, len(text)))
    return [piece for span in spans for piece in _cut(text, *_strip(text, *span), longest)]


def _depths(text: str) -> list[int]:
    """Return for each character how many quotations, titles and addresses are open around it; unclosed ones do not count."""
    depths = [0] * (len(text) + 1)
    for address in _ADDRESS.finditer(text):
        depths[address.start()] += 1
        depths[address.end()] -= 1
    waiting: list[tuple[str, int]] = []
    for position, character in enumerate(text):
        if character in _OPENERS:
            waiting.append((_OPENERS[character], position))
        elif waiting and character in _CLOSERS:
            for index in range(len(waiting) - 1, max(-1, len(waiting) - 9), -1):
                if waiting[index][0] == character:
                    depths[waiting[index][1]] += 1
                    depths[position] -= 1
                    del waiting[index:]
                    break
    total = 0
    for position, change in enumerate(depths):
        total += change
        depths[position] = total
    return depths


def _opening_quotes(text: str) -> set[int]:
    """Return the places of straight quotation marks that open a quotation, those that close none in their paragraph."""
    opening: set[int] = set()
    open_marks: set[str] = set()
    for match in _STRAIGHT_QUOTE.finditer(text):
        mark, behind = match.group(), text[match.end() : match.end() + 1]
        if mark == "\n":
            open_marks.clear()
        elif mark in open_marks:
            open_marks.remove(mark)
        elif behind and not behind.isspace():  # no sign of feet or inches
            open_marks.add(mark)
            opening.add(match.start())
    return opening


def _ends_sentence(text: str, start: int, position: int, depths: list[int]) -> bool:
    """Tell whether a sentence that began at a place ends with the character at a position."""
    character = text[position]
    if character == "\n":
        return True
    if character not in _ENDERS and not (character == "." and _full_stop(text, start, position)):
        return False
    closing = position + 1
    while closing < len(text) and text[closing] in _ENDERS:
        closing += 1
    if _SPEAKER.match(text, closing):
        return False
    if depths[position] == 0:
        return True
    closes = closing < len(text) and text[closing] in _SPEECH and depths[closing] == 0
    follows = text[closing + 1 : closing + 2]
    return closes and (not follows or follows.isspace() or (follows not in ",，、;；:：的" and character in "。！!…."))


def _full_stop(text: str, start: int, position: int) -> bool:
    """Tell whether a point is a full stop: none of a decimal, an abbreviation or the number of a list's item."""
    marks = _FOOTNOTES.match(text, position + 1)
    behind = marks.end() if marks else position + 1
    after = text[behind : behind + 1]
    if _HAN.match(text[position - 1 : position]):
        return not after.isdigit()
    if after and not after.isspace() and after not in _CLOSERS:
        return False
    number = _LISTED.match(text, start)
    if number and number.end() == position + 1:
        return False
    return not _ABBREVIATION.search(text, max(0, position - _LONGEST_ABBREVIATION), position)


def _behind_end(text: str, position: int) -> int:
    """Return the place behind a mark, or footnotes like "[2]", that still belongs to a sentence that has ended; 0 for none."""
    if text[position : position + 1] in _ENDERS + _CLOSERS:
        return position + 1 if position < len(text) else 0
    marks = _FOOTNOTES.match(text, position)
    return marks.end() if marks else 0


def _strip(text: str, start: int, end: int) -> tuple[int, int]:
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return start, end


def _cut(text: str, start: int, end: int, longest: int) -> list[tuple[int, int]]:
    """Return a sentence whole, or in pieces of at most so many code points."""
    pieces: list[tuple[int, int]] = []
    while end - start > longest:
        stop = _last(_CLAUSE_MARK, text, start, longest) or _last(_SPACE, text, start, longest) or start + longest
        pieces.append(_strip(text, start, stop))
        start = stop
    pieces.append(_strip(text, start, end))
    return [piece for piece in pieces if piece[0] < piece[1]]


def _last(mark: re.Pattern[str], text: str, start: int, longest: int) -> int:
    """Return the place behind the last mark in the second half of so many code points; 0 for none."""
    ends = (found.end() for found in mark.finditer(text, start + longest // 2 + 1, start + longest + 1))
    return max((end for end in ends if end <= start + longest), default=0)
