"""Tie each sentence of a draft to the source sentences that support it, and find what none supports.

A draft's sentence is supported when its meaning is near a source sentence (one vector space for all languages) or made of
its words or of its translation's, and every number and foreign name in it stands in the evidence. Citations are computed
here, never asked of a model. This module judges; what to do with a sentence that fails is `answering.py`'s to decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches

import numpy as np

from rag.claim import Claim
from rag.draft import split_draft
from rag.embedding import Embedder
from rag.english import English
from rag.index import Index
from rag.names import transliterated
from rag.numbers import stated, values
from rag.question import Query
from rag.romanization import names, unread
from rag.text import (
    HAN,
    IN_PARENTHESES,
    asks,
    clauses,
    compares,
    content,
    denies,
    doubts,
    fold,
    has_han,
    mostly_latin,
    share_held,
    terms,
)
from rag.tuned import Tuned

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
FIRST = 3
"""Sentences likeliest to answer, one of which must hold a claim of a few words."""
BETWEEN = 3
"""Words before the last of a name that are looked at: "Professor Mary Ann Lee" is "Professor Lee" too."""
LIKE = 0.85
"""Share of their letters that two words have in common to be one: "labor" and "labour", "opposes" and "opposed"."""
STEM = 5
"""Letters that two forms of a word have in common: "Launching" and "launched"."""
ECHO = 0.5
"""Share of a question's terms from which it repeats another."""
_NAMES = re.compile(r"(?=(?<![\w’'-])([A-Z]\w+) ([A-Z]\w+))")
"""Two words of a name; the next two begin with the second."""
_BEGUN = re.compile(r"^(?:because\b|因为)\s*", re.IGNORECASE)
"""The words that a reason begins with, which no source need hold."""
_ASSENT = {"yes", "是的"}
_PARENTHESES = re.compile(rf"\s*{IN_PARENTHESES.pattern}")
_ORIGINAL = re.compile(rf"[(（]([^()（）]*[{HAN}][^()（）]*)[)）]")


@dataclass(frozen=True)
class Grounds:
    """Hold what a draft is checked against.

    said: the words of each source sentence that the model was shown, by its number, with its translation where there is one.
    english: the translations alone. numbers, words, names: what they hold (and, of names, the question too). in_english:
    whether the model read them all in English. in_chinese: whether one of them is in Chinese. for_english: whether the reader
    wants English, so that a claim in Latin letters is in English, and does not only name things.
    """

    said: Mapping[int, str]
    english: Mapping[int, str]
    numbers: set[Decimal]
    words: set[str]
    names: str
    in_english: bool
    in_chinese: bool
    for_english: bool

    @classmethod
    def of(cls, candidates: Sequence[int], query: Query, index: Index, english: English) -> Grounds:
        """Return what source sentences, by their numbers, are for an answer to a question."""
        texts = {number: index.sentences[number].text for number in candidates}
        translations = {number: english.sentence(text) for number, text in texts.items()}
        said = {number: f"{text} {translations[number]}" for number, text in texts.items()}
        whole = " ".join(said.values())
        names = fold(f"{whole} {query.together} {english.names.forms_of(whole)}")
        latin = _LATIN_NAME.findall(f"{names} {names.replace('.', '')}")  # "U.S." is written "US" too
        words = {part for name in latin for part in (name, *name.split("-"))}
        readable = all(translations[number] or not has_han(text) for number, text in texts.items())
        chinese = any(map(has_han, texts.values()))
        return cls(said, translations, values(whole), words, names, readable, chinese, query.language == "en")

    def cover(self, claim: str, added: Sequence[set[str]], question: str, sources: Sequence[int]) -> float:
        """Return the share of a claim's terms that its sources and the question hold, or that of its most daring clause.

        A claim that adds nothing of its sources to the question is not held by the question, which may have told what to say.
        added: what each clause adds to the question, where it is a few terms; a sentence that begins with what its source
        says may end with what it does not. The share is 0 where the claim affirms what its source denies or only passes on as
        somebody's guess, compares what its sources do not, or echoes its question: small models affirm whatever they are asked.
        """
        words = content(claim)
        said = self._together(sources)
        comparable = self.in_english if self.for_english else self.in_chinese
        new = words - content(question) - _ASSENT
        adds = bool(new & content(said)) if comparable else _differ(new, content(question))
        if not adds and not _may_repeat(claim, question):
            return 0.0
        if not comparable:
            return 1.0
        if sources and compares(claim) and not compares(said):
            return 0.0
        nearest = self._nearest_clause(words, sources[0]) if sources else ""
        if (denies(nearest) and not denies(claim)) or (doubts(nearest) and not doubts(f"{claim} {question}")):
            return 0.0
        return min([share_held(words, f"{question} {said}" if adds else said), *(share_held(new, said) for new in added)])

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

    def _nearest_clause(self, words: set[str], number: int) -> str:
        """Return the clause of a source sentence, in the reader's language, that holds most of some terms."""
        said = self.english[number] if self.for_english and self.english[number] else self.said[number]
        return max(clauses(said), key=lambda clause: len(words & content(clause)))

    def missing(self, text: str) -> tuple[str, ...]:
        """Return the numbers and names of a claim that the evidence lacks.

        Of English names these are, where it is not in English too, those that are written as Chinese ones are read.
        """
        missing = [str(value) for value in sorted(stated(text) - self.numbers)]
        if not self.for_english:
            missing += _foreign_names(text, self.words)
            missing += sorted(transliterated(text) - transliterated(self.names))
        elif self.in_english:
            later = _FIRST_WORD.sub("", text)
            foreign = [word for word in _FIRST_WORD.findall(text) if self._strange(word)]
            foreign += [name for name in _foreign_names(later, self.words) if name[0].isupper()]
            missing += foreign or [" ".join(pair) for pair in _NAMES.findall(later) if self._another(*pair)]
        else:
            missing += [name for name in unread(text, self._together([*self.said])) if fold(name) not in self.names]
        return (*missing, *(name for name in _ORIGINAL.findall(text) if fold(name) not in self.names))

    def _strange(self, first: str) -> bool:
        """Tell whether the first word of a sentence, a name or not, is like none of the evidence and has a meaning."""
        words = content(first) - _OPENERS
        if not words or not first[0].isalpha() or first.endswith("ly") or values(first):
            return False
        stem = fold(first)[:STEM]
        return all(word[:STEM] != stem for word in self.words) and _differ(words, self.words)

    def _another(self, first: str, second: str) -> bool:
        """Tell whether a name mixes two: the evidence has its second word, and only behind other first words."""
        before = re.findall(rf"((?:[\w.'’-]+ ){{1,{BETWEEN}}}){re.escape(second)}\b", self._together([*self.said]))
        return bool(before) and all(words.split()[-1][0].isupper() and first not in words.split() for words in before)


def _differ(words: set[str], others: set[str]) -> bool:
    """Tell whether one of some words is unlike all of others."""
    return not all(get_close_matches(word, others, 1, LIKE) for word in words)


def _may_repeat(claim: str, question: str) -> bool:
    """Tell whether a claim in the words of its question may say something: a new number, a choice in a few words, or a list."""
    return bool(stated(claim) - stated(question)) or _few(claim) or claim.endswith((":", "："))


def _few(claim: str) -> bool:
    """Tell whether a claim is so short that it stands in many a sentence by chance."""
    return len(set(terms(claim))) < FEW


def _added(claim: str, question: str) -> list[set[str]]:
    """Return the terms that each clause of a claim adds to the question, where they are a few."""
    asked = content(question)
    return [new for clause in clauses(claim) if len(new := content(clause) - asked) >= FEW]


def ground(
    draft: str, query: Query, candidates: Sequence[int], index: Index, embedder: Embedder, tuned: Tuned, english: English
) -> list[Claim]:
    """Return the claims of a draft that answers a question.

    candidates: numbers of the source sentences that the model was shown, those likeliest to answer first. A claim of a few
    words, which many a sentence may hold by chance, counts as said only by the first of them. english: the translations
    that the model read instead of them, where there are some.
    """
    pieces = split_draft(draft)
    usable = [number for number in candidates if index.rows[number] >= 0]
    if not pieces or not usable:
        return []
    near = embedder.passages([text for _, text in pieces]) @ index.sentence_vectors(usable).T
    grounds = Grounds.of(candidates, query, index, english)
    question = query.together
    claims = []
    for (before, drafted), similarities in zip(pieces, near, strict=True):
        text = _without_glosses(drafted, grounds.words) if grounds.for_english else drafted
        said = _BEGUN.sub("", text)
        words = content(said)
        scores = np.maximum(similarities, _shared(said, words, usable, grounds))
        sources = _sources(said, scores, usable, grounds.said, tuned.support)
        added = _added(said, question)
        sources += grounds.further(added, sources, usable, tuned.cover)
        if asks(text) and (share_held(words, question) > ECHO or not sources or not asks(index.sentences[sources[0]].text)):
            continue  # a question is a claim where the source asks it, not where it is the reader's own
        cover = grounds.cover(said, added, question, sources) if words else 1.0
        support = tuple(min(1.0, float(scores[usable.index(number)])) for number in sources)
        claims.append(Claim(before, text, sources, support, grounds.missing(said), cover))
    return claims


def _shared(text: str, words: set[str], usable: Sequence[int], grounds: Grounds) -> np.ndarray:
    """Return how much of a claim each source sentence says in the same words."""
    shared = np.zeros(len(usable))
    if _few(text):
        shared[:FIRST] = [_stands_in(text, number, grounds) for number in usable[:FIRST]]
    else:
        shared[:] = [share_held(words, grounds.said[number]) for number in usable]
    return shared


def _stands_in(text: str, number: int, grounds: Grounds) -> float:
    """Return 1 where a claim of a few words stands whole in a source sentence, or each of them does.

    Of an English claim about a Chinese sentence without a translation it is enough that its numbers stand there, and
    characters that are read as its names are.
    """
    source = grounds.said[number]
    said = _letters(text)
    words = content(text)
    if len(said) > 1 and (said in _letters(source) or (len(words) > 1 and words <= content(source))):
        return 1.0
    if grounds.english[number] or has_han(text) or mostly_latin(source):
        return 0.0
    numbers, people = stated(text), list(names(text, source))
    held = numbers <= values(source) and (not numbers or bool(numbers & stated(source)))
    return float(bool(numbers or people) and held and all(person.original for person in people))


def _letters(text: str) -> str:
    return "".join(character for character in fold(text) if character.isalnum())


def _without_glosses(text: str, allowed: set[str]) -> str:
    """Return an English claim without Latin words in parentheses that the evidence lacks.

    A name is glossed by its original alone.
    """

    def kept(gloss: re.Match[str]) -> str:
        return "" if not has_han(gloss.group()) and _foreign_names(gloss.group(), allowed) else gloss.group()

    return _PARENTHESES.sub(kept, text)


def _foreign_names(text: str, allowed: set[str]) -> list[str]:
    """Return the Latin words of a text that are not allowed: evidence and question lack them, whole and in hyphened parts."""
    return [
        name for name in _LATIN_NAME.findall(text) if len(name) > 1 and not {fold(name), fold(name).removesuffix("s")} & allowed
    ]


def _sources(text: str, scores: np.ndarray, usable: Sequence[int], said: Mapping[int, str], least: float) -> tuple[int, ...]:
    """Return the best source sentence and, where it lacks a number or much of a claim, the next that adds it."""
    order = [int(i) for i in np.argsort(-scores, kind="stable") if scores[i] >= least]
    if not order:
        return ()
    chosen = [order[0]]
    needed = stated(text)
    words = content(text)
    for i in order[1:]:
        held = " ".join(said[usable[j]] for j in chosen)
        other = said[usable[i]]
        adds_number = bool((needed - values(held)) & values(other))
        new = (words - content(held)) & content(other)
        if len(chosen) < 3 and (adds_number or (words and len(new) >= 4 and len(new) / len(words) >= 0.3)):
            chosen.append(i)
    return tuple(usable[i] for i in chosen)
