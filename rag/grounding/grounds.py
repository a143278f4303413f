"""Check a claim against the source sentences that the model was shown: its words, its numbers and its names.

Each claim is checked on its own and by its text alone, without embeddings. `ground` finds the sentences that support it.
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
from rag.english.romanization import unmatched_names
from rag.grounding.wording import misquotes
from rag.index import Index
from rag.numbers import possible_numbers, stated_numbers, unsupported_numbers
from rag.text import content_terms, fold, term_recall, terms
from rag.text.script import HAN, IN_PARENTHESES, has_han
from rag.text.sentences import clauses
from rag.text.stance import compares, denies, doubts

Fault = Literal["", "echo", "comparison", "denied", "guessed", "misquoted", "far", "doubted"]
"""Why a claim is replaced by its source, "" for no reason: it only repeats the question (echo); it makes a comparison that its
source does not (comparison); it affirms what its source denies (denied) or only reports as a guess or a belief (guessed); it
says of one thing what its source says of another (misquoted); it has little support (far); the probe of the generator's hidden
state gives it a low probability (doubted)."""

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
"""Words that may begin a sentence without occurring in any source, besides numbers and function words."""
FEW = 4
"""Number of terms below which a claim, or a clause, may occur in many sentences by chance."""
BETWEEN = 3
"""Words before the last one of a name that a claim may put next to it: "Professor Mary Ann Lee" is "Professor Lee" too."""
SAME_WORD = 0.85
"""Similarity (`difflib` ratio) from which two words are the same: "labor" and "labour", "opposes" and "opposed"."""
STEM = 5
"""First letters that two forms of a word share: "Launching" and "launched"."""
_NAMES = re.compile(r"(?=(?<![\w’'-])([A-Z]\w+) ([A-Z]\w+))")
"""Two consecutive capitalised words; matches overlap."""
_ASSENT = {"yes", "是的"}
_PARENTHESES = re.compile(rf"\s*{IN_PARENTHESES.pattern}")
_ORIGINAL = re.compile(rf"[(（]([^()（）]*[{HAN}][^()（）]*)[)）]")


@dataclass(frozen=True)
class Grounds:
    """The evidence that a draft is checked against.

    texts: the text of each source sentence that the model was shown, by its number, followed by its translation where there is
    one. english: the translations alone, "" where there is none. known_text: the folded text of all of `texts`, and the English
    forms of its names. for_english: whether the answer is in English; otherwise, words in Latin letters are checked as names.
    """

    texts: Mapping[int, str]
    english: Mapping[int, str]
    known_text: str
    for_english: bool

    @classmethod
    def of(cls, candidates: Sequence[int], for_english: bool, index: Index, english: English) -> Grounds:
        """Return the evidence in source sentences, given by their numbers, for an answer in English or not."""
        texts = {number: index.sentences[number].text for number in candidates}
        translations = {number: english.translation_of(text) for number, text in texts.items()}
        with_translations = {number: f"{text} {translations[number]}" for number, text in texts.items()}
        whole = " ".join(with_translations.values())
        return cls(with_translations, translations, fold(f"{whole} {english.names.forms_of(whole)}"), for_english)

    @cached_property
    def latin_words(self) -> set[str]:
        """Return the words in Latin letters in `known_text`; hyphenated ones are also in it in parts."""
        without_dots = self.known_text.replace(".", "")  # "U.S." may also be written "US"
        latin = _LATIN_NAME.findall(f"{self.known_text} {without_dots}")
        return {part for name in latin for part in (name, *name.split("-"))}

    def fault(self, claim: str, question: str, sources: Sequence[int]) -> Fault:
        """Return why a claim must be replaced, whatever share of its words its sources contain; "" for no reason.

        Small models affirm whatever they are asked. Across languages only an echo can be detected.
        """
        if not self._adds(claim, question, sources) and not _may_repeat(claim, question):
            return "echo"
        if not sources or not self.comparable(sources):
            return ""
        if compares(claim) and not compares(self._together(sources)):
            return "comparison"
        before, nearest = self._nearest_clause(content_terms(claim), sources[0])
        if denies(nearest) and not denies(claim):
            return "denied"
        if (doubts(nearest) or (few(before) and doubts(before))) and not doubts(f"{claim} {question}"):
            return "guessed"
        return "misquoted" if misquotes(claim, self._read(sources[0])) else ""

    def coverage(self, claim: str, added: Sequence[set[str]], sources: Sequence[int]) -> float | None:
        """Return the share of a claim's terms that its sources contain, or that of its least covered clause if it is lower.

        A term in the question is not thereby covered: a question may presuppose what is false. added: the terms that clauses
        add to the question, as `added_terms` returns them; a sentence may begin with what its source says and end with what
        it does not. None across languages, where words cannot be compared.
        """
        if not self.comparable(sources):
            return None
        words, source_text = content_terms(claim), self._together(sources)
        return min([term_recall(words, source_text), *(term_recall(new, source_text) for new in added)]) if words else 1.0

    def comparable(self, sources: Sequence[int]) -> bool:
        """Return whether a claim's words can be compared with its sources', or with all evidence where it has none.

        For an English answer all of these must be in English or translated; for a Chinese one some must be in Chinese.
        """
        numbers = sources or [*self.texts]
        if self.for_english:
            return all(self.english[number] or not has_han(self.texts[number]) for number in numbers)
        return any(has_han(self.texts[number]) for number in numbers)

    def _adds(self, claim: str, question: str, sources: Sequence[int]) -> bool:
        """Return whether a claim adds a term of its sources to the question; across languages, any term at all."""
        new = content_terms(claim) - content_terms(question) - _ASSENT
        return (
            bool(new & content_terms(self._together(sources)))
            if self.comparable(sources)
            else _differ(new, content_terms(question))
        )

    def further_sources(
        self, added: Sequence[set[str]], sources: Sequence[int], usable: Sequence[int], least: float
    ) -> tuple[int, ...]:
        """Return one more sentence for each clause of a claim whose added terms its sources lack.

        added: from `added_terms`. usable: sentences to choose from; the one with most of a clause's added terms is taken.
        least: the share of these terms that sentences must contain.
        """
        found: list[int] = []
        for new in added if sources else ():
            if term_recall(new, self._together([*sources, *found])) < least:
                best = max(usable, key=lambda number: term_recall(new, self.texts[number]))
                if term_recall(new, self.texts[best]) >= least:
                    found.append(best)
        return tuple(found)

    def _together(self, numbers: Sequence[int]) -> str:
        return " ".join(self.texts[number] for number in numbers)

    @cached_property
    def _whole(self) -> str:
        return self._together([*self.texts])

    @cached_property
    def _values(self) -> set[Decimal]:
        return possible_numbers(self._whole)

    def _read(self, number: int) -> str:
        """Return the translation of a source sentence if the answer is in English and there is one, else its text."""
        return self.english[number] if self.for_english and self.english[number] else self.texts[number]

    def _nearest_clause(self, words: set[str], number: int) -> tuple[str, str]:
        """Return the clause of a source sentence that contains most of the terms, after the clause before it ("" for none)."""
        return max(pairwise(["", *clauses(self._read(number))]), key=lambda pair: len(words & content_terms(pair[1])))

    def missing_numbers(self, text: str, sources: Sequence[int]) -> tuple[str, ...]:
        """Return the numbers in a claim that its sources, or without any all evidence, lack or give in another unit."""
        evidence = self._together(sources) if sources else self._whole
        return tuple(map(str, sorted(unsupported_numbers(text, evidence))))

    def invents(self, text: str, missing_names: Sequence[str], question: str) -> bool:
        """Return whether a claim has a number that no evidence contains, or a missing name that the question lacks too."""
        asked = fold(question)
        return any(fold(name) not in asked for name in missing_names) or not stated_numbers(text) <= self._values

    def missing_names(self, text: str) -> tuple[str, ...]:
        """Return the names in a claim that no evidence contains, including Chinese originals in parentheses.

        In an English claim about Chinese sentences that are not all translated, only names in pinyin and these are checked.
        """
        return (*self._unknown_names(text), *(name for name in _ORIGINAL.findall(text) if fold(name) not in self.known_text))

    def _unknown_names(self, text: str) -> list[str]:
        if not self.for_english:
            return _foreign_names(text, self.latin_words) + sorted(transliterated(text) - transliterated(self.known_text))
        if not self.comparable(()):
            return [name for name in unmatched_names(text, self._whole) if fold(name) not in self.known_text]
        later = _FIRST_WORD.sub("", text)
        strange = [word for word in _FIRST_WORD.findall(text) if self._unknown_first_word(word)]
        strange += [name for name in _foreign_names(later, self.latin_words) if name[0].isupper()]
        return strange or [" ".join(pair) for pair in _NAMES.findall(later) if self._mixes_names(*pair)]

    def _unknown_first_word(self, first: str) -> bool:
        """Return whether the first word of a sentence is a content word, or a name, that resembles no word of the evidence."""
        words = content_terms(first) - _OPENERS
        if not words or not first[0].isalpha() or first.endswith("ly") or possible_numbers(first):
            return False
        stem = fold(first)[:STEM]
        return all(word[:STEM] != stem for word in self.latin_words) and _differ(words, self.latin_words)

    def _mixes_names(self, first: str, second: str) -> bool:
        """Return whether a name mixes two: the evidence has its second word, but only after other capitalised words."""
        before = re.findall(rf"((?:[\w.'’-]+ ){{1,{BETWEEN}}}){re.escape(second)}\b", self._whole)
        return bool(before) and all(words.split()[-1][0].isupper() and first not in words.split() for words in before)


def _differ(words: set[str], others: set[str]) -> bool:
    """Return whether at least one of the words resembles none of the others."""
    return not all(get_close_matches(word, others, 1, SAME_WORD) for word in words)


def _may_repeat(claim: str, question: str) -> bool:
    """Return whether a claim may repeat its question's words: it adds a number, is short (a choice), or introduces a list."""
    return bool(stated_numbers(claim) - stated_numbers(question)) or few(claim) or claim.endswith((":", "："))


def few(claim: str) -> bool:
    """Return whether a claim is so short that it may occur in many sentences by chance."""
    return len(set(terms(claim))) < FEW


def added_terms(claim: str, question: str) -> list[set[str]]:
    """Return the terms that each clause of a claim adds to the question, for clauses that add at least FEW."""
    asked = content_terms(question)
    return [new for clause in clauses(claim) if len(new := content_terms(clause) - asked) >= FEW]


def without_glosses(text: str, allowed: set[str]) -> str:
    """Return an English claim without parentheses that contain Latin words which the evidence lacks.

    Parentheses with Chinese characters stay, since they give the original of a name. allowed: the Latin words of the evidence.
    """

    def kept(gloss: re.Match[str]) -> str:
        return "" if not has_han(gloss.group()) and _foreign_names(gloss.group(), allowed) else gloss.group()

    return _PARENTHESES.sub(kept, text)


def _foreign_names(text: str, allowed: set[str]) -> list[str]:
    """Return the Latin words of a text, longer than one letter, that are not allowed, with or without a final "s"."""
    return [
        name for name in _LATIN_NAME.findall(text) if len(name) > 1 and not {fold(name), fold(name).removesuffix("s")} & allowed
    ]
