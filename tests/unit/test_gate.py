import math
from dataclasses import replace

import numpy as np
import pytest

from rag.grounding.gate import Signals, probability, too_distant
from rag.grounding.probe import Probe, Probes
from rag.tuned import tuned

GATE = replace(
    tuned(),
    gate_bias=-1.0,
    gate_judged=2.0,
    gate_invented=-3.0,
    gate_account=10.0,
    gate_probed_bias=0.5,
    gate_probed_judge=2.0,
    gate_probed_draft=-1.0,
    gate_probed_share=0.75,
    gate_least_similarity=0.3,
    gate_least_similarity_english=0.2,
)


@pytest.mark.parametrize(
    ("signals", "score"),
    [
        (Signals(0.5, 0.0, 0.0), -1.0),
        (Signals(0.5, 1.0, 0.0), -4.0),
        (Signals(0.8, 0.0, 0.2), 1.0 + 2 * math.log(4)),
        (Signals(0.2, 0.5, -0.1), -3.5 - 2 * math.log(4)),
    ],
)
def test_the_probability_is_the_logistic_function_of_the_weighted_signals(signals: Signals, score: float) -> None:
    assert probability(signals, None, GATE) == pytest.approx(1 / (1 + math.exp(-score)))


def test_probes_are_weighted_with_the_verdict_only_if_both_hidden_states_are_known() -> None:
    probes = Probes(Probe(np.array([1.0, 2.0], np.float32), -1.0), Probe(np.array([0.0, 1.0], np.float32), 0.5), "")
    judge, draft = np.array([3.0, 0.5], np.float32), np.array([7.0, 0.25], np.float32)
    probed, words = 0.5 + 2.0 * 3.0 - 1.0 * 0.75, -1.0 - 2.0 * math.log(4) - 3.0 * 0.2 - 10.0 * 0.1
    score = 0.75 * probed + 0.25 * words
    assert probability(Signals(0.2, 0.2, -0.1, judge, draft), probes, GATE) == pytest.approx(1 / (1 + math.exp(-score)))
    for states in ((None, None), (judge, None), (None, draft)):
        assert probability(Signals(0.5, 0.0, 0.0, *states), probes, GATE) == pytest.approx(1 / (1 + math.exp(1)))
    assert probability(Signals(0.5, 0.0, 0.0, judge, draft), None, GATE) == pytest.approx(1 / (1 + math.exp(1)))


def test_a_verdict_of_zero_or_one_is_clipped() -> None:
    assert probability(Signals(1.0, 0.0, 0.0), None, GATE) == pytest.approx(probability(Signals(0.999, 0.0, 0.0), None, GATE))
    assert 0 < probability(Signals(0.0, 1.0, 0.0), None, GATE) < 1e-6


def test_nan_in_the_verdict_or_in_a_hidden_state_gives_probability_zero() -> None:
    probes = Probes(Probe(np.array([1.0], np.float32), 0.0), Probe(np.array([1.0], np.float32), 0.0), "")
    well, none = np.array([1.0], np.float32), np.array([math.nan], np.float32)
    assert probability(Signals(math.nan, 0.0, 0.0), None, GATE) == 0.0
    assert probability(Signals(0.999, 0.0, 0.0, well, none), probes, GATE) == 0.0


def test_the_shipped_gate_accepts_a_confident_verdict_and_rejects_a_low_one_or_an_invented_draft() -> None:
    assert probability(Signals(0.99, 0.0, 0.0), None, tuned()) > tuned().gate_threshold
    assert probability(Signals(0.2, 0.0, 0.0), None, tuned()) < tuned().gate_threshold
    assert probability(Signals(0.6, 1.0, 0.0), None, tuned()) < tuned().gate_threshold


def test_a_question_for_a_detail_needs_a_more_confident_verdict() -> None:
    account, detail = (probability(Signals(0.8, 0.0, kind), None, tuned()) for kind in (0.1, -0.1))
    assert detail < tuned().gate_threshold < account
    assert probability(Signals(0.99, 0.0, -0.1), None, tuned()) > tuned().gate_threshold


def test_a_question_is_too_distant_below_the_similarity_threshold_of_its_language() -> None:
    assert [too_distant(near, "zh-Hant", GATE) for near in (0.29, 0.3)] == [True, False]
    assert [too_distant(near, "en", GATE) for near in (0.19, 0.2)] == [True, False]
