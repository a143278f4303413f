"""Ask the generator whether sentences answer a question, and collect the gate's signals after a draft.

The sentences to judge are chosen here; the verdict is weighed in `gate.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rag.clock import Clock
from rag.embedding import Vectors
from rag.evidence import best_with_antecedent
from rag.generation import Generator, Stop
from rag.grounding.claim import Claim
from rag.grounding.gate import Signals, Verdict
from rag.index import Index
from rag.numbers import numbers_asked, possible_numbers
from rag.prompting import judge_prompt, verdicts
from rag.question import Query
from rag.retrieval import Found
from rag.templates import Templates
from rag.text.stance import denies


@dataclass(frozen=True)
class Judge:
    """Judge with a generator whether sentences answer a question."""

    index: Index
    generator: Generator
    templates: Templates

    def verdict(self, query: Query, sentences: Sequence[str], clock: Clock, stop: Stop) -> Verdict:
        """Return the generator's verdict on whether sentences answer a question."""
        choice = self.generator.choose(judge_prompt(self.templates, query, sentences), verdicts(self.templates), stop)
        clock.add(choice.usage)
        yes, no = choice.chances
        return Verdict(yes / (yes + no) if yes + no else None, choice.usage.state)

    def signals(
        self, found: Found, claims: Sequence[Claim], state: Vectors | None, account: float, clock: Clock, stop: Stop
    ) -> Signals:
        """Return the signals that the gate weighs, including the verdict on the claims' sources and the likeliest sentence.

        claims: of the draft. state: the hidden state at the end of the draft. account: as in `Signals`.
        """
        query = found.query
        behind = [source for claim in claims for source in claim.sources]
        behind += best_with_antecedent(found, self.index)
        sentences = [self.index.sentences[number].text for number in dict.fromkeys(behind)]
        invented = sum(claim.invented for claim in claims) / len(claims) if claims else 1.0
        if numbers_asked(query.text) and not any(_tells_how_many(claim, query) for claim in claims):
            invented = 1.0
        judged, judge_state = self.verdict(query, sentences, clock, stop)
        return Signals(1.0 - invented if judged is None else judged, invented, account, judge_state, state)


def _tells_how_many(claim: Claim, query: Query) -> bool:
    """Return whether a claim may answer a question for a number: it adds a number, or has a source and denies something."""
    return bool(possible_numbers(claim.text) - possible_numbers(query.text)) or (bool(claim.sources) and denies(claim.text))
