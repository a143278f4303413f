"""What a browser kept is read with care, and the article marks only quotes that it still holds."""

from typing import Any

import pytest

from rag.documents import Document
from rag.results import Answer, Citation
from rag.ui import conversation, render

TEXT = "甲在杭州。乙在南京。"


def turn(**changes: Any) -> dict[str, Any]:
    citation = Citation(1, "甲在杭州。", "a.txt", 0, 5, 0, 0.9)
    answer = Answer("甲在杭州。[1]", True, citations=(citation,), language="zh-Hant", engine="scripted").to_dict()
    # A browser keeps JSON, which knows lists only.
    answer |= {"citations": list(answer["citations"]), "passages": list(answer["passages"])}
    return {"question": "甲？", "state": "answered", "answer": answer | changes}


@pytest.mark.parametrize(
    "damaged",
    [
        {"question": "a", "state": "answered"},
        {"question": "a", "state": "declined", "answer": {}},
        {"question": "a", "state": "unheard of"},
        {"question": 7, "state": "stopped"},
        turn(timings={}),
        turn(citations=[{"marker": "1"}]),
        turn(text=None),
        "a",
    ],
)
def test_a_damaged_turn_is_left_out(damaged: Any) -> None:
    kept = conversation.kept([damaged, turn()])
    assert kept == [turn()]
    assert "甲在杭州。" in render.transcript(kept, "en")


def test_a_turn_that_was_under_way_is_stopped() -> None:
    assert conversation.kept([{"question": "a", "state": "asked", "draft": "甲"}])[0]["state"] == "stopped"


def test_a_quote_that_the_article_no_longer_holds_is_not_marked() -> None:
    assert "<mark" in render.article([Document("a.txt", TEXT)], [turn()], (), "en")
    assert "<mark" not in render.article([Document("a.txt", "序。" + TEXT)], [turn()], (), "en")


def test_the_best_evidence_is_marked_and_what_the_answer_cites_is_no_longer_only_likely() -> None:
    document = Document("a.txt", TEXT)
    spans = [("a.txt", 5, 10), ("a.txt", 0, 5)]
    asked = render.article([document], [], spans, "en")
    assert 'class="likely best"' in asked and asked.count("best") == 1
    answered = render.article([document], [turn()], spans, "en")
    assert 'class="cited"' in answered and 'class="likely best"' in answered
