"""Test the article beside the conversation: evidence is highlighted in it, and marks lead to their sentences."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from reader import ask, one_size
from scripted import EXAMPLES, Scripted

from rag.documents import Document

pytestmark = pytest.mark.browser


def test_clicking_a_mark_scrolls_to_the_sentence_that_it_quotes(page) -> None:
    reply = ask(page, "杭州為什麼？")
    mark = reply.locator("button.mark").nth(1)
    mark.click()
    chosen = page.locator("#article .chosen")
    assert chosen.inner_text() == mark.get_attribute("data-quote") == "浙江大學等高校提供了穩定的人才。"
    page.wait_for_timeout(900)
    box, pane = chosen.bounding_box(), page.locator("#article").bounding_box()
    assert pane["y"] <= box["y"] <= pane["y"] + pane["height"]


def test_pointing_at_a_mark_previews_its_quote(page) -> None:
    mark = ask(page, "杭州？").locator("button.mark").first
    mark.hover()
    assert page.locator("#quote").inner_text() == mark.get_attribute("data-quote")


def test_clicking_a_cited_sentence_highlights_the_answer_that_cites_it(page) -> None:
    ask(page, "杭州？")
    page.locator("#article .cited").first.click()
    assert page.locator(".reply.pointed").get_attribute("data-turn") == "1"


def test_the_evidence_is_highlighted_before_the_answer_is_complete(page) -> None:
    page.locator("#box textarea").fill("slow")
    page.locator("#send").click()
    page.locator("#article .likely").first.wait_for(timeout=3_000)
    assert page.locator("#article .likely").first.inner_text() == "杭州的互聯網生態起步早,基礎深厚。"
    assert page.locator('.reply[data-state="answered"]').count() == 0
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for(timeout=4_000)


IN_SIGHT = """(mark) => {
    const pane = document.getElementById("article").getBoundingClientRect(), box = mark.getBoundingClientRect();
    return box.top >= pane.top && box.bottom <= pane.bottom;
}"""


def test_the_best_evidence_is_scrolled_into_view_and_stays_there(page) -> None:
    page.locator("#box textarea").fill("deep slow")
    page.locator("#send").click()
    best = page.locator("#article .best")
    best.wait_for(timeout=3_000)
    assert best.inner_text() == "浙江大學等高校提供了穩定的人才。"
    page.wait_for_timeout(1_200)
    assert best.evaluate(IN_SIGHT)
    page.locator('.reply[data-state="answered"]').wait_for(timeout=15_000)
    page.wait_for_timeout(300)
    assert page.locator("#article .cited", has_text="浙江大學").evaluate(IN_SIGHT)


@one_size
def test_a_sentence_that_was_cited_before_is_highlighted_again_as_evidence(page) -> None:
    ask(page, "杭州？")
    page.locator("#box textarea").fill("slow")
    page.locator("#send").click()
    page.locator("#article .cited.likely").first.wait_for(timeout=3_000)
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for(timeout=4_000)


def test_the_evidence_is_listed_with_the_progress_and_leads_to_its_place_in_the_article(page) -> None:
    page.locator("#box textarea").fill("slow")
    page.locator("#send").click()
    evidence = page.locator("button.evidence")
    evidence.first.wait_for(timeout=2_000)
    assert evidence.all_inner_texts()[0] == "杭州的互聯網生態起步早,基礎深厚。"
    page.wait_for_timeout(600)
    box = evidence.first.bounding_box()
    assert 0 <= box["y"] and box["y"] + box["height"] <= page.viewport_size["height"]
    evidence.nth(1).click()
    assert page.locator("#article .chosen").inner_text() == "浙江大學等高校提供了穩定的人才。"


def test_with_several_sources_a_mark_leads_to_its_source_and_shows_the_title(
    chromium, served: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    long = "\n".join(f"第{number}段說的是杭州的產業、人才和資本。" for number in range(4_000))  # about 200 kB
    documents = [
        Document("茶.txt", "龍井茶最有名。", "茶話"),
        Document("長.txt", long),
        Document("酒.txt", "黃酒來自紹興。", "酒話"),
    ]
    with served(Scripted(documents), tmp_path / "feedback.jsonl") as address:
        page = chromium.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        page.goto(address)
        page.get_by_text(EXAMPLES["en"][0]).wait_for()
        assert page.locator("#article nav a").all_inner_texts() == ["茶話", "長.txt", "酒話"]
        marks = ask(page, "杭州？").locator("button.mark")
        for number, quote, title in ((1, "黃酒來自紹興。", "酒話"), (0, "龍井茶最有名。", "茶話")):
            marks.nth(number).click()
            page.wait_for_timeout(1_500)
            chosen = page.locator("#article .chosen")
            assert chosen.inner_text() == quote
            assert chosen.evaluate(IN_SIGHT)
            heading = page.locator("#article section:has(.chosen) h2")
            assert heading.inner_text() == title and heading.evaluate(IN_SIGHT)
        page.close()


@one_size
def test_the_article_is_shown_under_its_title(page) -> None:
    assert page.locator("#article h2").all_inner_texts() == ["杭州的故事"]
    assert page.locator("#article nav").count() == 0
