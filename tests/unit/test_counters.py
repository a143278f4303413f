"""What is counted is told exactly, however much of it there is."""

from rag.serving.counters import Counters


def test_seconds_are_summed_to_the_last_digit() -> None:
    counters = Counters()
    for seconds in (1_234_567.25, 0.5):
        counters.observe("answer", seconds)
    assert "rag_answer_seconds_sum 1234567.75\n" in counters.exposition()
