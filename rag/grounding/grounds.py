"""Check a claim against the source sentences that a model was shown: its words, its numbers, its names.

It knows one claim at a time, and neither meaning nor vectors; which sentences support a claim is `ground`'s to find.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from functools import cached_property
from itertools import pairwise
from typing import Literal

from rag.english import English
from rag.english.names import transliterated
from rag.english.romanization import unread
from rag.grounding.wording import misquotes
from rag.index import Index
from rag.numbers import foreign, stated, values
from rag.text import content, fold, share_held, terms
from rag.text.script import HAN, IN_PARENTHESES, has_han
from rag.text.sentences import clauses
from rag.text.stance import compares, denies, doubts

Fault = Literal["", "echo", "comparison", "denied", "guessed", "misquoted", "far", "doubted"]
"""Why a claim gives way to its source: it only says again what was asked; it compares what its source does not; it affirms what
its source denies, or only passes on as somebody's guess; it says of one what its source says of another; it is far from it;
the generator doubted it, as its states tell."""

_LATIN_NAME = re.compile(r"[A-Za-z][A-Za-z0-9]*(?:-[A-Za-z0-9]+)*")
_FIRST_WORD = re.compile(r"(?:^\W*|:\W*(?=[A-Z]))(\w+)")
_OPENERS = frozenset(
    "above according across additionally after afterwards again against all almost along alongside already also although "
    "always amid among another any anybody anyone anything apart around aside back based because before beginning behind "
    "being below beneath beside besides between beyond billions born both but close compared considering despite down "
    "dozens due during each early either else elsewhere established even ever every everybody everyone everything except "
    "far few finally following founded furthermore given having he hence her here hers him his however hundreds including "
    "inside instead into itself just known last later least led less like located long maybe meanwhile millions more "
    "moreover most must near neither never nevertheless next no nobody none nonetheless nor not nothing now nowadays off "
    "often once only onto originally other others otherwise our out outside over overall owing own part past per perhaps "
    "rather regardless same set several shall she should similarly since some someone something sometimes soon starting "
    "still such sure thanks therefore these those though thousands through throughout thus today together tomorrow too "
    "total toward towards twice under unless unlike until up upon us using via well whatever whenever whereas wherever "
    "whether whichever while whoever whole within without years yes yesterday yet".split()
)
"""Words that begin a sentence and need stand in no source, beside numbers and those that `content` leaves out."""
FEW = 4
"""Terms below which a claim, or a clause, may stand in many a sentence by chance."""
BETWEEN = 3
"""Words before the last of a name that are looked at: "Professor Mary Ann Lee" is "Professor Lee" too."""
LIKE = 0.85
"""Share of their letters that two words have in common to be one: "labor" and "labour", "opposes" and "opposed"."""
STEM = 5
"""Letters that two forms of a word have in common: "Launching" and "launched"."""
_NAMES = re.compile(r"(?=(?<![\w’'-])([A-Z]\w+) ([A-Z]\w+))")
"""Two words of a name; the next two begin with the second."""
_ASSENT = {"yes", "是的"}
_PARENTHESES = re.compile(rf"\s*{IN_PARENTHESES.pattern}")
_ORIGINAL = re.compile(rf"[(（]([^()（）]*[{HAN}][^()（）]*)[)）]")


@dataclass(frozen=True)
class Grounds:
    """Hold what a draft is checked against.

    said: the words of each source sentence that the model was shown, by its number, with its translation where there is one.
    english: the translations alone. words, names: what they hold in Latin letters, and all of it. in_english: whether all of
    them can be read in English. for_english: whether the reader wants English, so that a claim in Latin letters is in English,
    and does not only name things.
    """

    said: Mapping[int, str]
    english: Mapping[int, str]
    words: set[str]
    names: str
    in_english: bool
    for_english: bool

    @classmethod
    def of(cls, candidates: Sequence[int], for_english: bool, index: Index, english: English) -> Grounds:
        """Return what source sentences, by their numbers, are for an answer."""
        texts = {number: index.sentences[number].text for number in candidates}
        translations = {number: english.sentence(text) for number, text in texts.items()}
        said = {number: f"{text} {translations[number]}" for number, text in texts.items()}
        whole = " ".join(said.values())
        names = fold(f"{whole} {english.names.forms_of(whole)}")
        latin = _LATIN_NAME.findall(f"{names} {names.replace('.', '')}")  # "U.S." is written "US" too
        words = {part for name in latin for part in (name, *name.split("-"))}
        readable = all(translations[number] or not has_han(text) for number, text in texts.items())
        return cls(said, translations, words, names, readable, for_english)

    def fault(self, claim: str, question: str, sources: Sequence[int]) -> Fault:
        """Return why a claim may not stand, whatever share of its words its sources hold.

        Small models affirm whatever they are asked. Across languages only an echo can be told.
        """
        if not self._adds(claim, question, sources) and not _may_repeat(claim, question):
            return "echo"
        if not sources or not self.comparable(sources):
            return ""
        if compares(claim) and not compares(self._together(sources)):
            return "comparison"
        before, nearest = self._nearest_clause(content(claim), sources[0])
        if denies(nearest) and not denies(claim):
            return "denied"
        if (doubts(nearest) or (few(before) and doubts(before))) and not doubts(f"{claim} {question}"):
            return "guessed"
        return "misquoted" if misquotes(claim, self._read(sources[0])) else ""

    def coverage(self, claim: str, added: Sequence[set[str]], sources: Sequence[int]) -> float | None:
        """Return the share of a claim's terms that its sources hold, or that of its most daring clause.

        The words of the question count for nothing: who asks may take for granted what is not so. added: what each clause adds
        to the question, where it is a few terms; a sentence that begins with what its source says may end with what it does
        not. None across languages, where words tell nothing.
        """
        if not self.comparable(sources):
            return None
        words, said = content(claim), self._together(sources)
        return min([share_held(words, said), *(share_held(new, said) for new in added)]) if words else 1.0

    def comparable(self, sources: Sequence[int]) -> bool:
        """Tell whether a claim's words may be looked for among those of its sources: both are in the reader's language."""
        numbers = sources or [*self.said]
        if self.for_english:
            return all(self.english[number] or not has_han(self.said[number]) for number in numbers)
        return any(has_han(self.said[number]) for number in numbers)

    def _adds(self, claim: str, question: str, sources: Sequence[int]) -> bool:
        """Tell whether a claim adds something of its sources to the question; across languages, anything at all."""
        new = content(claim) - content(question) - _ASSENT
        return bool(new & content(self._together(sources))) if self.comparable(sources) else _differ(new, content(question))

    def further(
        self, added: Sequence[set[str]], sources: Sequence[int], usable: Sequence[int], least: float
    ) -> tuple[int, ...]:
        """Return the sentences that hold what clauses of a claim add, where its sources do not: one for each such clause."""
        found: list[int] = []
        for new in added if sources else ():
            if share_held(new, self._together([*sources, *found])) < least:
                best = max(usable, key=lambda number: share_held(new, self.said[number]))
                if share_held(new, self.said[best]) >= least:
                    found.append(best)
        return tuple(found)

    def _together(self, numbers: Sequence[int]) -> str:
        return " ".join(self.said[number] for number in numbers)

    @cached_property
    def _whole(self) -> str:
        return self._together([*self.said])

    @cached_property
    def _values(self) -> set[Decimal]:
        return values(self._whole)

    def _read(self, number: int) -> str:
        """Return a source sentence in the reader's language, where it is known in that."""
        return self.english[number] if self.for_english and self.english[number] else self.said[number]

    def _nearest_clause(self, words: set[str], number: int) -> tuple[str, str]:
        """Return the clause before, and the clause of a source sentence that holds most terms."""
        return max(pairwise(["", *clauses(self._read(number))]), key=lambda pair: len(words & content(pair[1])))

    def missing_numbers(self, text: str, sources: Sequence[int]) -> tuple[str, ...]:
        """Return the numbers of a claim that its sources lack; a claim without sources may have those of all evidence."""
        held = self._together(sources) if sources else self._whole
        return tuple(map(str, sorted(foreign(text, held))))

    def invents(self, text: str, missing_names: Sequence[str], question: str) -> bool:
        """Tell whether a claim has a number that no evidence holds, or misses a name that the question does not hold either."""
        asked = fold(question)
        return any(fold(name) not in asked for name in missing_names) or not stated(text) <= self._values

    def missing_names(self, text: str) -> tuple[str, ...]:
        """Return the names in a claim that no evidence holds, originals in parentheses among them.

        Of an English claim over Chinese that is not translated these are names that are written as Chinese ones are read.
        """
        return (*self._strangers(text), *(name for name in _ORIGINAL.findall(text) if fold(name) not in self.names))

    def _strangers(self, text: str) -> list[str]:
        if not self.for_english:
            return _foreign_names(text, self.words) + sorted(transliterated(text) - transliterated(self.names))
        if not self.in_english:
            return [name for name in unread(text, self._whole) if fold(name) not in self.names]
        later = _FIRST_WORD.sub("", text)
        strange = [word for word in _FIRST_WORD.findall(text) if self._strange(word)]
        strange += [name for name in _foreign_names(later, self.words) if name[0].isupper()]
        return strange or [" ".join(pair) for pair in _NAMES.findall(later) if self._another(*pair)]

    def _strange(self, first: str) -> bool:
        """Tell whether the first word of a sentence, a name or not, is like none of the evidence and has a meaning."""
        words = content(first) - _OPENERS
        if not words or not first[0].isalpha() or first.endswith("ly") or values(first):
            return False
        stem = fold(first)[:STEM]
        return all(word[:STEM] != stem for word in self.words) and _differ(words, self.words)

    def _another(self, first: str, second: str) -> bool:
        """Tell whether a name mixes two: the evidence has its second word, and only behind other first words."""
        before = re.findall(rf"((?:[\w.'’-]+ ){{1,{BETWEEN}}}){re.escape(second)}\b", self._whole)
        return bool(before) and all(words.split()[-1][0].isupper() and first not in words.split() for words in before)


def _differ(words: set[str], others: set[str]) -> bool:
    """Tell whether one of some words is unlike all of others."""
    return not all(get_close_matches(word, others, 1, LIKE) for word in words)


def _may_repeat(claim: str, question: str) -> bool:
    """Tell whether a claim in the words of its question may say something: a new number, a choice in a few words, or a list."""
    return bool(stated(claim) - stated(question)) or few(claim) or claim.endswith((":", "："))


def few(claim: str) -> bool:
    """Tell whether a claim is so short that it stands in many a sentence by chance."""
    return len(set(terms(claim))) < FEW


def added_terms(claim: str, question: str) -> list[set[str]]:
    """Return the terms that each clause of a claim adds to the question, where they are a few."""
    asked = content(question)
    return [new for clause in clauses(claim) if len(new := content(clause) - asked) >= FEW]


def without_glosses(text: str, allowed: set[str]) -> str:
    """Return an English claim without Latin words in parentheses that the evidence lacks.

    A name is glossed by its original alone.
    """

    def kept(gloss: re.Match[str]) -> str:
        return "" if not has_han(gloss.group()) and _foreign_names(gloss.group(), allowed) else gloss.group()

    return _PARENTHESES.sub(kept, text)


def _foreign_names(text: str, allowed: set[str]) -> list[str]:
    """Return the Latin words of a text that are not allowed: the evidence lacks them, whole and in hyphened parts."""
    return [
        name for name in _LATIN_NAME.findall(text) if len(name) > 1 and not {fold(name), fold(name).removesuffix("s")} & allowed
    ]
