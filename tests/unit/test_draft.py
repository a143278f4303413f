"""Splitting a draft into sentences, whatever layout the model uses."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rag.generation import Trace
from rag.grounding.draft import split_draft


@pytest.mark.parametrize(
    ("draft", "pieces"),
    [
        ("甲很好。乙也好。", [("", "甲很好。"), ("", "乙也好。")]),
        ("One is good. Two is too.", [("", "One is good."), (" ", "Two is too.")]),
        ("1. 甲很好。\n2. 乙也好。", [("1. ", "甲很好。"), ("\n2. ", "乙也好。")]),
        ("- 甲\n- 乙", [("- ", "甲"), ("\n- ", "乙")]),
        ("（1）甲\n（2）乙", [("（1）", "甲"), ("\n（2）", "乙")]),
        ("## **甲**很好。", [("", "甲很好。")]),
        ("甲很好。\n”\n——", [("", "甲很好。")]),
        ("甲很好[1]。乙[12]也好。", [("", "甲很好。"), ("", "乙也好。")]),
        ("甲怎樣？甲很好。", [("", "甲怎樣？"), ("", "甲很好。")]),
        ("他說：“好。”她走了。", [("", "他說：“好。”"), ("", "她走了。")]),
        ("1.8萬億元。", [("", "1.8萬億元。")]),
        ("18、19世紀的絲綢。", [("", "18、19世紀的絲綢。")]),
        ("1、絲綢。", [("1、", "絲綢。")]),
        ("42.", [("", "42.")]),
        ("", []),
        ("\n \n", []),
    ],
)
def test_a_draft_is_split_into_sentences_without_citation_marks_and_markup(draft: str, pieces: list[tuple[str, str]]) -> None:
    assert [sentence[:2] for sentence in split_draft(draft)] == pieces


@pytest.fixture
def trace() -> Trace:
    """Return the trace of "\\n1. **甲**很好。\\n乙也", whose states are 0, 1, 2, …; the last character has none."""
    spelled = ["\n", "1.", " **", "甲**", "很", "好。\n", "乙"]
    ends = tuple(len("".join(spelled[: number + 1])) for number in range(len(spelled)))
    return Trace(ends, np.arange(len(spelled), dtype=np.float32)[:, np.newaxis])


def test_the_state_of_a_sentence_is_the_mean_of_the_states_of_its_tokens(trace: Trace) -> None:
    first, second = split_draft("\n1. **甲**很好。\n乙也", trace)
    assert (first.before, first.text, second.text) == ("1. ", "甲很好。", "乙也")
    assert first.state.tolist() == [(3 + 4 + 5) / 3]
    assert second.state is None


@pytest.mark.parametrize(
    ("start", "end", "mean"), [(0, 1, 0.0), (0, 2, 0.5), (1, 3, 1.0), (2, 4, 1.5), (8, 9, 3.0), (9, 11, 4.5), (13, 15, None)]
)
def test_a_trace_returns_the_mean_state_of_the_tokens_in_a_range(
    trace: Trace, start: int, end: int, mean: float | None
) -> None:
    state = trace.over(start, end)
    assert mean is None if state is None else state.tolist() == [mean]
    assert Trace((), np.empty((0, 1), np.float32)).over(start, end) is None


def test_a_long_sentence_of_a_draft_is_not_split() -> None:
    long = "It has towns, " * 40 + "and a port."
    assert [sentence.text for sentence in split_draft(f"{long} It is old.")] == [long, "It is old."]


@given(st.text(st.sampled_from("杭州的。！？1.-*#[]()（） \nabc"), max_size=120))
def test_any_draft_is_split_into_stripped_nonempty_sentences(draft: str) -> None:
    assert all(sentence.text.strip() == sentence.text != "" for sentence in split_draft(draft))
