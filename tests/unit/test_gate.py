import math
from dataclasses import replace

import pytest

from rag.gate import Signals, probability
from rag.tuned import tuned

GATE = replace(tuned(), gate_bias=-6.0, gate_model=8.0, gate_nearest=2.0, gate_cover=1.0)


@pytest.mark.parametrize(
    ("signals", "score"),
    [
        (Signals(0.0, 0.0, 0.0), -6.0),
        (Signals(1.0, 0.0, 0.0), 2.0),
        (Signals(0.5, 0.75, 0.5), 0.0),
        (Signals(1.0, 1.0, 1.0), 5.0),
    ],
)
def test_the_probability_is_the_logistic_function_of_the_weighed_signals(signals: Signals, score: float) -> None:
    assert probability(signals, GATE) == pytest.approx(1 / (1 + math.exp(-score)), rel=1e-12)


@pytest.mark.parametrize("field", ["model", "nearest", "cover"])
def test_a_stronger_signal_never_lowers_the_shipped_probability(field: str) -> None:
    weak = Signals(0.5, 0.5, 0.5)
    assert probability(replace(weak, **{field: 0.9}), tuned()) >= probability(weak, tuned())


def test_the_shipped_gate_can_open_and_close() -> None:
    threshold = tuned().gate_threshold
    assert probability(Signals(0.0, 0.2, 0.0), tuned()) < threshold < probability(Signals(1.0, 0.8, 1.0), tuned())
