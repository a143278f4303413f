"""Turns stored by a browser are validated, and only quotes that the article still contains are highlighted."""

import json
import re
from html import unescape
from typing import Any

import pytest

from rag.documents import Document
from rag.results import Answer, Citation, Evidence, Final, Progress, Token
from rag.ui import article, conversation, render
from rag.ui.live import Live

TEXT = "甲在杭州。乙在南京。"
ANSWERED = {"text": "甲在杭州。[1]", "answerable": True, "language": "zh-Hant", "engine": "scripted"}


def turn(**changes: Any) -> dict[str, Any]:
    citation = Citation(1, "甲在杭州。", "a.txt", 0, 5, 0, 0.9)
    answer = Answer("甲在杭州。[1]", True, citations=(citation,), language="zh-Hant", engine="scripted").to_dict()
    # A browser stores JSON, which has lists but no tuples.
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
def test_an_invalid_stored_turn_is_left_out(damaged: Any) -> None:
    kept = conversation.restored([damaged, turn()])
    assert kept == [turn()]
    assert "甲在杭州。" in render.turns(kept, "en")


def test_a_stored_turn_that_was_being_answered_counts_as_stopped() -> None:
    assert conversation.restored([{"question": "a", "state": "asked", "draft": "甲"}])[0]["state"] == "stopped"


def lit(*arguments: Any) -> dict[str, list[str]]:
    """Return the kinds of highlight of each highlighted sentence, by its id."""
    data = re.search('data-lights="([^"]*)"', article.lights(*arguments)).group(1)
    return {name: light["kind"] for name, light in json.loads(unescape(data)).items()}


def test_a_quote_that_the_article_no_longer_contains_is_not_highlighted() -> None:
    assert lit([Document("a.txt", TEXT)], [turn()], (), "en") == {"s-a.txt-0-5": ["cited"]}
    assert lit([Document("a.txt", "序。" + TEXT)], [turn()], (), "en") == {}


def test_likely_best_and_cited_sentences_are_highlighted_as_such() -> None:
    likely = [Citation(1, "乙在南京。", "a.txt", 5, 10, 0, 0.9), Citation(2, "甲在杭州。", "a.txt", 0, 5, 0, 0.8)]
    document = Document("a.txt", TEXT)
    assert lit([document], [], likely, "en") == {"s-a.txt-5-10": ["likely", "best"], "s-a.txt-0-5": ["likely"]}
    assert lit([document], [turn()], likely[1:], "en") == {"s-a.txt-0-5": ["cited", "likely", "best"]}


def test_every_sentence_has_a_unique_id_and_every_source_a_heading_and_a_link() -> None:
    shown = article.article([Document("茶.txt", TEXT, "茶話"), Document("酒.txt", TEXT)], "en")
    places = re.findall('<span id="([^"]*)">([^<]*)</span>', shown)
    assert [text for _, text in places] == ["甲在杭州。", "乙在南京。"] * 2
    assert len({name for name, _ in places}) == 4
    assert re.findall("<h2>([^<]*)</h2>", shown) == ["茶話", "酒.txt"]
    assert re.findall('<a href="#([^"]*)">([^<]*)</a>', shown) == [("source-0", "茶話"), ("source-1", "酒.txt")]


def test_a_single_source_has_no_navigation() -> None:
    assert "<nav" not in article.article([Document("a.txt", TEXT)], "en")


def test_evidence_is_shown_as_a_button_to_its_sentence_before_the_answer() -> None:
    live = Live.asked("乙？", "zh-Hant")
    assert "正在找證據…" in render.turn(live.turn, 1, "zh-Hant", live)
    live.hear(Evidence(sentences=(Citation(1, "乙在南京。", "a.txt", 5, 10, 0, 0.9),)))
    shown = render.turn(live.turn, 1, "zh-Hant", live)
    assert 'data-target="s-a.txt-5-10">乙在南京。</button>' in shown
    assert 'aria-busy="true"' in shown


def test_a_screen_reader_gets_the_stages_and_the_answer_but_not_each_token() -> None:
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


def test_the_place_in_the_queue_is_shown_with_the_expected_wait() -> None:
    live = Live.asked("甲？", "en").hear(Progress(stage="waiting", place=2, expected_s=14.0))
    assert "2 ahead of you, about 14 s" in render.turn(live.turn, 1, "en", live)
