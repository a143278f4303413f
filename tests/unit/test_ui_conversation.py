"""What a browser kept is read with care, and the article marks only quotes that it still holds."""

import re
from typing import Any

import pytest

from rag.documents import Document
from rag.results import Answer, Citation, Evidence, Final, Progress, Token
from rag.ui import conversation, render
from rag.ui.live import Live

TEXT = "甲在杭州。乙在南京。"
ANSWERED = {"text": "甲在杭州。[1]", "answerable": True, "language": "zh-Hant", "engine": "scripted"}


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
    assert "甲在杭州。" in render.turns(kept, "en")


def test_a_turn_that_was_under_way_is_stopped() -> None:
    assert conversation.kept([{"question": "a", "state": "asked", "draft": "甲"}])[0]["state"] == "stopped"


def test_a_quote_that_the_article_no_longer_holds_is_not_marked() -> None:
    assert "<mark" in render.article([Document("a.txt", TEXT)], [turn()], (), "en")
    assert "<mark" not in render.article([Document("a.txt", "序。" + TEXT)], [turn()], (), "en")


def test_the_best_evidence_is_marked_and_what_the_answer_cites_is_no_longer_only_likely() -> None:
    document = Document("a.txt", TEXT)
    likely = [Citation(1, "乙在南京。", "a.txt", 5, 10, 0, 0.9), Citation(2, "甲在杭州。", "a.txt", 0, 5, 0, 0.8)]
    asked = render.article([document], [], likely, "en")
    assert 'class="likely best"' in asked and asked.count("best") == 1
    assert 'class="cited"' in render.article([document], [turn()], (), "en")


def test_evidence_is_shown_as_a_way_to_its_place_while_the_answer_is_awaited() -> None:
    live = Live.asked("乙？", "zh-Hant")
    assert "正在找證據…" in render.turn(live.turn, 1, "zh-Hant", live)
    live.hear(Evidence(sentences=(Citation(1, "乙在南京。", "a.txt", 5, 10, 0, 0.9),)))
    shown = render.turn(live.turn, 1, "zh-Hant", live)
    assert 'data-target="s-a-txt-5-10">乙在南京。</button>' in shown
    assert 'aria-busy="true"' in shown


def test_a_screen_reader_hears_the_stages_and_the_answer_but_not_each_word() -> None:
    live = Live.asked("甲？", "en")
    heard = []
    for event in (
        Progress(fraction=0.2),
        Progress(fraction=0.9),
        Token(text="甲"),
        Token(text="在"),
        Final(Answer(**ANSWERED)),
    ):
        live.hear(event)
        heard.append(re.search('data-heard="([^"]*)"', render.turn(live.turn, 1, "en", live)).group(1))
    assert heard == ["Reading the evidence…", "Reading the evidence…", "Writing…", "Writing…", "甲在杭州。"]


def test_a_place_in_line_is_told() -> None:
    live = Live.asked("甲？", "en").hear(Progress(stage="waiting", place=2, expected_s=14.0))
    assert "2 ahead of you, about 14 s" in render.turn(live.turn, 1, "en", live)
