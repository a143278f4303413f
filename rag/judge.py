"""Ask the generator whether sentences answer a question, and gather what the gate weighs behind a draft.

It knows which sentences are shown to the judge; what its verdicts count for is `gate.py`'s.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rag.clock import Clock
from rag.embedding import Vectors
from rag.evidence import Part
from rag.gate import Signals, Verdict, probability, undecided
from rag.generation import Generator, Stop
from rag.grounding import Claim
from rag.index import Index
from rag.numbers import numbers_asked, values
from rag.probe import Probes
from rag.prompting import Templates, judge_prompt
from rag.retrieval import Query
from rag.tuned import Tuned

ALONE = 3
"""Sentences nearest to a question that are judged one by one where it is undecided whether the text answers."""


class Weighed(NamedTuple):
    """Hold the signals of a draft and the probability that the text answers its question.

    part: what was found, those of the nearest sentences first that are likeliest to answer where they were judged one by one.
    """

    signals: Signals
    sure: float
    part: Part


@dataclass(frozen=True)
class Judge:
    """Hold what verdicts are made with."""

    index: Index
    generator: Generator
    templates: Templates
    probes: Probes | None
    tuned: Tuned

    def verdict(self, query: Query, sentences: Sequence[str], clock: Clock, stop: Stop) -> Verdict:
        """Return what the generator says to whether sentences answer a question."""
        choice = self.generator.choose(judge_prompt(self.templates, query, sentences), ("能", "否"), stop)
        clock.add(choice.usage)
        yes, no = choice.chances
        return Verdict(yes / (yes + no) if yes + no else None, choice.usage.state)

    def weigh(
        self, part: Part, claims: Sequence[Claim], state: Vectors | None, account: float, clock: Clock, stop: Stop
    ) -> Weighed:
        """Return what is known once a draft is written.

        claims, state: of the draft. account: how much more the question asks for an account than for a detail.
        """
        signals = self._signals(part, claims, state, account, clock, stop)
        sure = probability(signals, self.probes, self.tuned)
        alone: dict[int, float] = {}
        if self.probes is not None and undecided(signals, sure, self.tuned):
            alone = self._alone(part, self.probes, clock, stop)
        if not alone:
            return Weighed(signals, sure, part)
        signals = replace(signals, alone=max(alone.values()))
        return Weighed(signals, probability(signals, self.probes, self.tuned), self._by_likelihood(part, alone))

    def nearest(self, part: Part) -> list[int]:
        """Return the sentence nearest to a question, behind the one that it points back at, without which it says little."""
        if not part.near:
            return []
        number, _ = part.near[0]
        before = self.index.pointed_at(number)
        return [number] if before < 0 else [before, number]

    def _signals(
        self, part: Part, claims: Sequence[Claim], state: Vectors | None, account: float, clock: Clock, stop: Stop
    ) -> Signals:
        """Return the signals, the verdict on the sentences behind the draft among them."""
        query = part.found.query
        behind = [source for claim in claims for source in claim.sources]
        behind += self.nearest(part)
        sentences = [self.index.sentences[number].text for number in dict.fromkeys(behind)]
        invented = sum(bool(claim.missing) or not claim.sources for claim in claims) / len(claims) if claims else 1.0
        if numbers_asked(query.text) and not any(values(claim.text) - values(query.text) for claim in claims):
            invented = 1.0  # "how many" is not answered by words alone, nor by the numbers that came with the question
        judged, judge_state = self.verdict(query, sentences, clock, stop)
        return Signals(1.0 - invented if judged is None else judged, invented, account, judge_state, state)

    def _alone(self, part: Part, probes: Probes, clock: Clock, stop: Stop) -> dict[int, float]:
        """Return the log odds that each of the nearest sentences answers by itself, as a probe reads them."""
        odds: dict[int, float] = {}
        for number, _ in part.near[:ALONE]:
            _, state = self.verdict(part.found.query, [self.index.sentences[number].text], clock, stop)
            if state is not None:
                odds[number] = probes.judge.log_odds(state)
        return odds

    def _by_likelihood(self, part: Part, alone: Mapping[int, float]) -> Part:
        likely = [pair for pair in part.near if pair[0] in alone]
        likely.sort(key=lambda pair: -alone[pair[0]] - self.tuned.alone_near * pair[1])
        return Part(part.found, [*likely, *(pair for pair in part.near if pair[0] not in alone)])
