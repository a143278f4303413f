"""Split text into sentences and clauses by its typography, not by its meaning."""

from __future__ import annotations

import re

from rag.text.script import has_han

LONGEST_SENTENCE = 400
"""Code points after which a sentence is cut at a clause; otherwise, one endless line could fill a whole prompt."""
LIST_NUMBER = r"[（(]?\d{1,2}(?:\.(?!\d)(?=[^\S\n]*\S)|、(?!\d)|[)）])"
"""The number of a list item: "1.", "(2)", "3、"; not "42." with nothing after it, and not "18、19"."""
FOOTNOTE = r"\[\d{1,3}\]"
"""A footnote mark, as in Wikipedia; not a year, as in 国发[2023]5号."""
_ENDERS = "。！？!?…"
_OPENERS = {"“": "”", "「": "」", "『": "』", "（": "）", "(": ")", "《": "》", "〈": "〉", "【": "】", "‘": "’"}
_CLOSERS = "”」』）)》〉】’\"'"
_SPEECH = "”」』"
_STRAIGHT_QUOTE = re.compile(r"\n|\"|(?<![A-Za-z])'|'(?![A-Za-z])")
_SPEAKER = re.compile(r"[”」』’\"']+\s+[a-z]")
"""What follows the end mark of quoted speech if the sentence continues: “Why?” he asked."""
_ADDRESS = re.compile(r"https?://[!-~]*[A-Za-z0-9/=&#%_-]")
_ABBREVIATION = re.compile(
    r"\b(?:[A-Z]|Mr|Mrs|Ms|Dr|Prof|St|Jr|Sr|Gov|Gen|Sen|Rep|Rev|Lt|Col|Capt|Sgt|Mt|Inc|Ltd|Co|Corp|No|Fig|Sec|"
    r"Jan|Feb|Mar|Apr|Jun|Jul|Aug|Sept?|Oct|Nov|Dec|[Vv]ol|pp|cf|al|vs|etc|approx|e\.g|i\.e|U\.S|a\.m|p\.m)$"
)
_LONGEST_ABBREVIATION = 6
_LISTED = re.compile(rf"[\s#>*-]*{LIST_NUMBER}")
_CLAUSE_MARK = re.compile(r"[；;，]|,(?!\d)")
_SPACE = re.compile(r"\s")
_FOOTNOTES = re.compile(f"(?:{FOOTNOTE})+")
_CLAUSE_END = re.compile(r"[，;；:：。!！?？]|,(?!\d)")


def clauses(text: str) -> list[str]:
    """Return the clauses of a text, without the marks that end them."""
    return _CLAUSE_END.split(text)


def split_sentences(text: str, longest: int = LONGEST_SENTENCE) -> list[tuple[int, int]]:
    """Return the sentences of one paragraph as (start, end) offsets, in order, without surrounding white space.

    An end mark inside a title, a URL or an unfinished quotation does not end a sentence. Decimals, abbreviations, list numbers
    and names such as "To C" are not split. Sentences of more than `longest` code points are cut, at the end of a clause if
    possible.
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
        while position not in opening and (end := _after_closers(text, position)):
            position = end
        spans.append((start, position))
        start = position
    spans.append((start, len(text)))
    return [piece for span in spans for piece in _cut(text, *_strip(text, *span), longest)]


def _depths(text: str) -> list[int]:
    """Return for each character how many quotations, titles and URLs enclose it; unclosed ones do not count."""
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
    """Return the positions of straight quotation marks that open a quotation: those that close none in their paragraph."""
    opening: set[int] = set()
    open_marks: set[str] = set()
    for match in _STRAIGHT_QUOTE.finditer(text):
        mark, following = match.group(), text[match.end() : match.end() + 1]
        if mark == "\n":
            open_marks.clear()
        elif mark in open_marks:
            open_marks.remove(mark)
        elif following and not following.isspace():  # before a space, it means feet or inches
            open_marks.add(mark)
            opening.add(match.start())
    return opening


def _ends_sentence(text: str, start: int, position: int, depths: list[int]) -> bool:
    """Return whether the sentence that begins at `start` ends with the character at `position`."""
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
    """Return whether a point is a full stop, and not part of a decimal, an abbreviation or a list number."""
    marks = _FOOTNOTES.match(text, position + 1)
    end = marks.end() if marks else position + 1
    after = text[end : end + 1]
    if has_han(text[position - 1 : position]):
        return not after.isdigit()
    if after and not after.isspace() and after not in _CLOSERS:
        return False
    number = _LISTED.match(text, start)
    if number and number.end() == position + 1:
        return False
    return not _ABBREVIATION.search(text, max(0, position - _LONGEST_ABBREVIATION), position)


def _after_closers(text: str, position: int) -> int:
    """Return the position after a mark, or footnotes like "[2]", that belongs to the sentence just ended; 0 for none."""
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
    """Return a sentence whole, or in pieces of at most `longest` code points."""
    pieces: list[tuple[int, int]] = []
    while end - start > longest:
        stop = _last(_CLAUSE_MARK, text, start, longest) or _last(_SPACE, text, start, longest) or start + longest
        pieces.append(_strip(text, start, stop))
        start = stop
    pieces.append(_strip(text, start, end))
    return [piece for piece in pieces if piece[0] < piece[1]]


def _last(mark: re.Pattern[str], text: str, start: int, longest: int) -> int:
    """Return the position after the last mark in the second half of `longest` code points; 0 for none."""
    ends = (found.end() for found in mark.finditer(text, start + longest // 2 + 1, start + longest + 1))
    return max((end for end in ends if end <= start + longest), default=0)
