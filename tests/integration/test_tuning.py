"""What is fitted tells what it was fitted to tell, also of texts that it has not seen."""

import numpy as np
import pytest

from rag.gate import Signals
from rag.tuning import Row, fit_gate, fit_probe

TEXTS, EACH, HIDDEN = 5, 200, 12


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    """Return drafts of several texts, whose states tell by two numbers whether it is answered.

    Among them are one decline without a draft, and judgements without the evidence, which are seen by no gate.
    """
    random = np.random.default_rng(0)
    made = [Row("text 0", None, False)]
    for text in range(TEXTS):
        for state in random.normal(3.0, 4.0, (EACH, HIDDEN)).astype(np.float32):
            answerable = bool(state[0] - state[1] > 0)
            made.append(Row(f"text {text}", Signals(0.6 if answerable else 0.5, 0.0, 0.0, state), answerable))
        made.append(Row(f"text {text}", Signals(0.7, 0.0, 0.0, np.arange(HIDDEN, dtype=np.float32)), False, left_out=True))
    return made


def rates(told: str, threshold: str) -> tuple[float, float]:
    right, wrong = next(line.split()[1:] for line in told.splitlines() if line.split()[0] == threshold)
    return float(right), float(wrong)


def test_a_probe_reads_in_a_state_whether_the_text_answers(rows: list[Row]) -> None:
    probe, told = fit_probe(rows, "a hash")
    drafted = [row for row in rows if row.signals is not None]
    right = [(probe.log_odds(row.signals.state) > 0) == row.answerable for row in drafted]
    assert np.mean(right) > 0.9
    assert (probe.fits, probe.weights.shape, probe.weights.dtype) == ("a hash", (HIDDEN,), np.float32)
    declined, lost = rates(told, "0.50")
    assert declined > 0.9 and lost < 0.1
    named = [line.split(" = ")[0] for line in told.splitlines()[:3]]
    assert named == ["gate_probed_bias", "gate_probed_state", "gate_probed_invented"]


def test_a_gate_without_a_probe_goes_by_the_verdict_in_words(rows: list[Row]) -> None:
    told = fit_gate(rows)
    assert rates(told, "0.50") == (1.0, 0.0)
    assert float(told.splitlines()[1].removeprefix("gate_judged = ")) > 0


def test_of_what_says_nothing_a_probe_tells_nothing_about_other_texts(rows: list[Row]) -> None:
    random = np.random.default_rng(1)
    shuffled = [Row(row.text, row.signals, bool(random.integers(2))) for row in rows]
    declined, lost = rates(fit_probe(shuffled, "")[1], "0.50")
    assert abs(declined - lost) < 0.25
