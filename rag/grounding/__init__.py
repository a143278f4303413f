"""Turn the sentences of a draft into claims, each with the source sentences that support it and what is wrong with it.

A draft sentence is supported when it is similar in meaning to a source sentence (one vector space for all languages) or
shares the words of that sentence or of its translation (`sources.py`). Citations are computed; the model is never asked for
them. What a claim says that its sources do not is checked in `grounds.py`; what becomes of it is decided in `answering.py`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rag.embedding import Embedder, Vectors
from rag.english import English
from rag.grounding.claim import Claim
from rag.grounding.draft import Sentence
from rag.grounding.grounds import Fault, Grounds, added_terms, without_glosses
from rag.grounding.probe import Probe
from rag.grounding.sources import shared_terms, supporting
from rag.index import Index
from rag.linear import logistic
from rag.question import Query
from rag.text import content_terms, term_recall
from rag.text.script import mostly_latin
from rag.text.stance import asks
from rag.tuned import Tuned

ECHO = 0.5
"""Share of its terms in the reader's question above which a question in the draft only repeats that one."""
_BEGUN = re.compile(r"^(?:because\b|因为)\s*", re.IGNORECASE)
"""The words that a reason begins with; the sources need not contain them."""


def ground(
    draft: Sequence[Sentence],
    query: Query,
    candidates: Sequence[int],
    index: Index,
    embedder: Embedder,
    tuned: Tuned,
    english: English,
    probe: Probe | None = None,
) -> list[Claim]:
    """Return the claims of a draft that answers a question.

    candidates: numbers of the source sentences that the model was shown, those likeliest to answer first. The words of a
    short claim are compared with the first `sources.FIRST` of them only, since many sentences may contain them by chance.
    english: known translations of the source sentences, whose words count too. probe: predicts from the hidden state of a draft
    sentence whether it is correct; without it, similarity and shared words decide.
    """
    usable = [number for number in candidates if index.is_searched(number)]
    if not draft or not usable:
        return []
    near = embedder.passages([sentence.text for sentence in draft]) @ index.sentence_vectors(usable).T
    grounds = Grounds.of(candidates, query.language == "en", index, english)
    matching = _Matching(usable, grounds, query.with_previous, index, tuned, probe)
    claims = (matching.claim(sentence, similarities) for sentence, similarities in zip(draft, near, strict=True))
    return [claim for claim in claims if claim is not None]


@dataclass(frozen=True)
class _Matching:
    """Match the sentences of one draft to source sentences.

    usable: numbers of the source sentences that may be cited, those likeliest to answer first. question: the reader's, after
    the one that it depends on.
    """

    usable: Sequence[int]
    grounds: Grounds
    question: str
    index: Index
    tuned: Tuned
    probe: Probe | None

    def claim(self, sentence: Sentence, similarities: Vectors) -> Claim | None:
        """Return a draft sentence as a claim; None for a question that the source does not ask or that repeats the reader's.

        similarities: to the usable source sentences, float32 (len(usable),).
        """
        grounds, question = self.grounds, self.question
        text = without_glosses(sentence.text, grounds.latin_words) if grounds.for_english else sentence.text
        statement = _BEGUN.sub("", text)
        words = content_terms(statement)
        scores = np.maximum(similarities, shared_terms(statement, words, self.usable, grounds))
        sources = supporting(statement, words, scores, self.usable, grounds.texts, self.tuned.support)
        added = added_terms(statement, question)
        sources += grounds.further_sources(added, sources, self.usable, self.tuned.cover)
        if asks(text) and (term_recall(words, question) > ECHO or not sources or not asks(self._text_of(sources[0]))):
            return None
        support = tuple(min(1.0, float(scores[self.usable.index(number)])) for number in sources)
        chance = None if self.probe is None or sentence.state is None else logistic(self.probe.log_odds(sentence.state))
        fault = grounds.fault(statement, question, sources) if words else ""
        unknown_names = grounds.missing_names(statement)
        return Claim(
            sentence.before,
            text,
            sources,
            support,
            missing=(*grounds.missing_numbers(statement, sources), *unknown_names),
            fault=fault or self._support_fault(text, chance, support, sources),
            coverage=grounds.coverage(statement, added, sources) if chance is None else None,
            invented=not sources or grounds.invents(statement, unknown_names, question),
        )

    def _support_fault(self, text: str, chance: float | None, support: Sequence[float], sources: Sequence[int]) -> Fault:
        """Return the fault of a claim that is doubted or far from its best source; "" for none, or where it introduces others.

        chance: the probability that the claim is correct, by the probe; where it is None, the support decides. Across languages
        support is lower, and so is its threshold.
        """
        if not sources or text.endswith((":", "：")):
            return ""
        if chance is not None:
            return "doubted" if chance < self.tuned.doubted else ""
        across = mostly_latin(text) != mostly_latin(self._text_of(sources[0]))
        return "far" if max(support) < (self.tuned.near_across if across else self.tuned.near) else ""

    def _text_of(self, number: int) -> str:
        return self.index.sentences[number].text
