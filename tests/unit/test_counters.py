"""Counters are reported exactly, however large they are."""

from rag.serving.counters import Counters


def test_summed_seconds_are_reported_with_all_their_digits() -> None:
    counters = Counters()
    for seconds in (1_234_567.25, 0.5):
        counters.observe("answer", seconds)
    assert "rag_answer_seconds_sum 1234567.75\n" in counters.exposition()
