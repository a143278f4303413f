"""Where it is undecided whether the text answers, the sentences nearest to the question are judged one by one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from fakes import DRAFT, FOUNDED, SENTENCE, ScriptedGenerator, asked

from rag.answering import Answering
from rag.clock import Clock
from rag.gate import Signals, probability, undecided
from rag.generation import Choice, Prompt, Stop, Usage
from rag.judge import ALONE
from rag.pipeline import Rag
from rag.probe import Probe, Probes
from rag.results import Answer
from rag.text import to_simplified
from rag.tuned import tuned

Maker = Callable[..., Rag]

READ = Probe(np.array([1.0, 0.0], np.float32), 0.0)
PROBES = Probes(READ, READ, "")
WHOLE = replace(tuned(), gate_probed_share=1.0, gate_probed_bias=0.0, gate_probed_judge=1.0, gate_probed_draft=0.0)


@dataclass
class Judging(ScriptedGenerator):
    """Judge by odds in the order in which it is asked: of the sentences behind the draft, then of the nearest, one by one."""

    odds: Sequence[float] = ()

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        self.chosen.append(prompt)
        return Choice((0.5, 0.5), Usage(50, 20, 1, np.array([self.odds[len(self.chosen) - 1], 1.0], np.float32)))


def judging(*odds: float) -> Judging:
    return Judging([DRAFT], states=(np.zeros(2, np.float32), None), odds=odds)


def of(rag: Rag) -> Answering:
    return replace(rag.answering(), probes=PROBES, tuned=WHOLE)


def answered(answering: Answering) -> Answer:
    return list(answering.stream(answering.query(FOUNDED), Clock(), lambda: False))[-1].answer


def test_where_the_sentences_behind_the_draft_decide_no_other_is_judged(make_rag: Maker) -> None:
    for odds, answerable in ((5.0, True), (-5.0, False)):
        generator = judging(odds)
        assert answered(of(make_rag(generator))).answerable is answerable
        assert len(generator.chosen) == 1


def test_the_likeliest_of_the_nearest_sentences_decides_where_they_do_not(make_rag: Maker) -> None:
    for likeliest, answerable in ((3.0, True), (-3.0, False)):
        generator = judging(0.3, -4.0, likeliest, -4.0)
        answering = of(make_rag(generator))
        assert answered(answering).answerable is answerable
        (part,) = answering.find(answering.query(FOUNDED))
        nearest = [to_simplified(answering.index.sentences[number].text) for number, _ in part.near[:ALONE]]
        assert all(sentence in asked(prompt) for sentence, prompt in zip(nearest, generator.chosen[1:], strict=True))


def test_what_is_likeliest_to_answer_is_quoted_where_the_draft_passes_it_by(make_rag: Maker) -> None:
    answering = of(make_rag(judging(0.3, -1.0, 6.0, -1.0)))
    (part,) = answering.find(answering.query(FOUNDED))
    likeliest = answering.index.sentences[part.near[1][0]].text
    assert likeliest != SENTENCE
    assert answered(answering).citations[-1].quote == likeliest


def test_a_decline_quotes_what_is_likeliest_to_answer(make_rag: Maker) -> None:
    answering = of(make_rag(judging(-0.3, -9.0, -2.0, -9.0)))
    (part,) = answering.find(answering.query(FOUNDED))
    answer = answered(answering)
    assert not answer.answerable
    assert answer.citations[-1].quote == answering.index.sentences[part.near[1][0]].text


def test_an_engine_that_shows_no_state_is_never_undecided() -> None:
    state = np.zeros(2, np.float32)
    assert [undecided(Signals(0.5, 0.0, 0.0, shown), 0.6, tuned()) for shown in (state, None)] == [True, False]
    assert [undecided(Signals(0.5, 0.0, 0.0, state), sure, tuned()) for sure in (0.1, 0.99)] == [False, False]


def test_what_the_likeliest_sentence_says_moves_the_probability_by_its_log_odds() -> None:
    score = tuned().gate_bias
    moved = probability(Signals(0.5, 0.0, 0.0, alone=tuned().gate_alone + 2.0), None, tuned())
    assert moved == probability(Signals(0.5, 0.0, 0.0), None, replace(tuned(), gate_bias=score + 2.0))
