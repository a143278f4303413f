"""Generate questions and histories of any kind, valid or not, and check the quotes of answers."""

from __future__ import annotations

from fakes import ARTICLE, FOUNDED
from hypothesis import strategies as st

TEXT = st.text(st.one_of(st.sampled_from("深度求索杭州？。[]<>|\u202e\u200b 1"), st.characters()), max_size=60)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)
QUESTION = st.one_of(st.just(FOUNDED), TEXT, st.just("深" * 4000) | st.just("深" * 4001) | JSON)
TURN = st.fixed_dictionaries({"role": st.sampled_from(["user", "assistant"]), "content": TEXT})
ODD_TURN = st.fixed_dictionaries({"role": st.just("system") | TEXT, "content": JSON})
HISTORY = st.one_of(st.none(), st.just([]), st.lists(TURN, max_size=4), st.lists(TURN | ODD_TURN, max_size=4) | JSON)


def assert_quotes(answer: dict) -> None:
    for citation in answer["citations"]:
        assert ARTICLE[citation["start"] : citation["end"]] == citation["quote"]
