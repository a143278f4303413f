"""Test a conversation on the page: asking, stopping, asking again, rating and downloading."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from reader import ask, one_size
from scripted import EXAMPLES, NEXT, Scripted

pytestmark = pytest.mark.browser


def test_stop_reaches_the_engine(page, scripted) -> None:
    scripted.stopped.clear()
    page.locator("#box textarea").fill("slow")
    page.locator("#send").click()
    page.locator("#article .likely").first.wait_for(timeout=3_000)
    page.locator("#stop").click()
    assert scripted.stopped.wait(timeout=3)


def test_answered_declined_and_failed_replies_look_different(page) -> None:
    answered, declined, broken = ask(page, "杭州？"), ask(page, "unsaid", "declined"), ask(page, "break", "broken")
    styles = {
        reply.evaluate("node => getComputedStyle(node).borderLeftStyle + getComputedStyle(node).backgroundColor")
        for reply in (answered, declined, broken)
    }
    assert len(styles) == 3
    assert declined.locator(".label").inner_text() == "○ Not in the article"
    assert declined.locator("button.mark").count() == 1
    assert "The model did not finish this answer." in broken.inner_text()
    assert "ran out of memory" not in broken.inner_text()
    broken.locator("summary").click()
    assert "ran out of memory" in broken.inner_text()


def test_a_conversation_survives_a_reload(page) -> None:
    ask(page, "杭州？")
    page.wait_for_timeout(2_000)
    page.reload()
    page.locator('.reply[data-state="answered"]').wait_for(timeout=8_000)
    assert page.locator(".question").inner_text() == "杭州？"
    page.locator("#new").click()
    page.locator(".question").first.wait_for(state="detached", timeout=8_000)


def test_a_follow_up_is_asked_with_its_history(page) -> None:
    ask(page, "杭州？")
    assert "（2）" in ask(page, "還有呢？").inner_text()


def test_undo_edit_and_retry_work_on_the_last_question(page) -> None:
    ask(page, "第一問")
    page.locator("#edit").click()
    page.wait_for_function("document.querySelector('#box textarea').value === '第一問'")
    page.locator(".question").first.wait_for(state="detached", timeout=8_000)
    ask(page, "第二問")
    page.locator("#retry").click()
    page.locator('.reply[data-state="asked"]').wait_for(timeout=8_000)
    page.locator('.reply[data-turn="1"][data-state="answered"]').wait_for(timeout=8_000)
    assert page.locator(".question").count() == 1
    page.wait_for_timeout(500)
    page.locator("#undo").click()
    page.locator(".question").first.wait_for(state="detached", timeout=8_000)


def test_an_answer_can_be_copied_with_or_without_its_marks(page) -> None:
    reply = ask(page, "杭州？")
    reply.locator('[data-copy="plain"]').click()
    page.wait_for_timeout(200)
    assert "[1]" not in page.evaluate("navigator.clipboard.readText()")
    reply.locator('[data-copy="marked"]').click()
    page.wait_for_timeout(200)
    assert "[1]" in page.evaluate("navigator.clipboard.readText()")


def test_a_link_with_a_question_asks_it_at_once(page, address: str) -> None:
    page.wait_for_timeout(2_000)
    page.goto(f"{address}/?q=%E6%9D%AD%E5%B7%9E%EF%BC%9F")
    page.locator('.reply[data-state="answered"]').wait_for(timeout=10_000)
    assert page.locator(".question").inner_text() == "杭州？"


def test_a_question_that_is_too_long_is_reported_and_stays_in_the_box(page) -> None:
    page.locator("#box textarea").fill("長" * 4_100)
    page.locator("#send").click()
    page.get_by_text("A question may have at most 4000 characters; this one has 4100.").wait_for(timeout=5_000)
    assert page.locator("#box textarea").input_value() == "長" * 4_100


def test_the_current_conversation_can_be_downloaded_with_one_click(page) -> None:
    for question in ("杭州？", "還有呢？"):
        ask(page, question)
        with page.expect_download(timeout=8_000) as taken:
            page.locator("#markdown").click()
        text = taken.value.path().read_text(encoding="utf-8")
        assert f"## {question}" in text
        assert "[^1-1]: “杭州的互聯網生態起步早,基礎深厚。”" in text
    with page.expect_download(timeout=8_000) as taken:
        page.locator("#json").click()
    assert taken.value.suggested_filename == "conversation.json"
    assert [turn["question"] for turn in json.loads(taken.value.path().read_text(encoding="utf-8"))] == ["杭州？", "還有呢？"]


@one_size
def test_an_unexpected_error_is_shown_without_its_message_and_its_question_can_be_edited(page) -> None:
    broken = ask(page, "crash", "broken")
    assert "choose “Ask again”" in broken.inner_text()
    assert "a fault that nobody foresaw" not in broken.inner_text()
    page.locator("#edit").click()
    page.wait_for_function("document.querySelector('#box textarea').value === 'crash'")


@one_size
def test_closing_the_page_frees_the_engine_within_two_seconds(page, scripted) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_text("Why was DeepSeek born in Hangzhou?").wait_for()
    other.locator("#box textarea").fill("slow")
    other.locator("#send").click()
    other.locator(".reply .draft").wait_for(timeout=4_000)
    assert not scripted.ended.is_set()
    other.close(run_before_unload=True)
    assert scripted.ended.wait(timeout=2)


def test_after_a_lost_connection_stop_ends_the_answer_and_the_next_question_is_answered(
    chromium, served: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    path = tmp_path / "feedback.jsonl"
    page = chromium.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
    with served(Scripted(), path) as address:
        page.goto(address)
        page.get_by_text(EXAMPLES["en"][0]).wait_for()
        ask(page, "slow", "asked")
        page.locator(".reply .draft").wait_for(timeout=4_000)
    with served(Scripted(), path, int(address.rsplit(":", 1)[1])):
        page.locator("#stop").click()
        page.locator('.reply[data-state="stopped"]').wait_for(timeout=15_000)
        page.get_by_text("简体中文").click()
        page.get_by_role("button", name="提问").wait_for()
        ask(page, "杭州？")
        assert page.locator(".question").all_inner_texts() == ["slow", "杭州？"]
        page.close()


@one_size
def test_a_question_asked_right_after_stop_is_not_stopped_and_does_not_reload_the_page(page) -> None:
    page.evaluate("window.began = true")
    ask(page, "slow", "asked")
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for()
    ask(page, "slow", "asked")
    page.wait_for_timeout(4_000)
    assert page.evaluate("window.began")
    assert page.locator(".reply").last.get_attribute("data-state") in {"asked", "answered"}


@one_size
def test_a_lone_surrogate_in_a_question_is_replaced_and_the_page_still_works(page) -> None:
    page.locator("#box textarea").evaluate("""(box) => {
        box.value = "\\ud83d杭州？";
        box.dispatchEvent(new Event("input", { bubbles: true }));
    }""")
    page.locator("#send").click()
    page.locator('.reply[data-state="answered"]').wait_for(timeout=8_000)
    assert page.locator(".question").inner_text() == "\ufffd杭州？"
    ask(page, "還有呢？")


@one_size
def test_typed_text_stays_in_the_box_when_another_question_is_asked(page) -> None:
    box = page.locator("#box textarea")
    box.fill("還沒問的問題")
    page.locator("#suggestions button:visible").first.click()
    page.locator('.reply[data-state="answered"]').wait_for()
    assert box.input_value() == "還沒問的問題"
    page.locator("#retry").click()
    page.locator('.reply[data-state="asked"]').wait_for()
    page.locator('.reply[data-state="answered"]').wait_for()
    assert box.input_value() == "還沒問的問題"


@one_size
def test_a_suggested_question_is_asked_again_without_history(page) -> None:
    ask(page, "杭州？")
    page.locator("#suggestions button:visible").first.click()
    page.locator('.reply[data-turn="2"][data-state="answered"]').wait_for()
    page.locator("#retry").click()
    page.locator('.reply[data-turn="2"][data-state="asked"]').wait_for()
    page.locator('.reply[data-turn="2"][data-state="answered"]').wait_for()
    assert "（0）" in page.locator('.reply[data-turn="2"]').inner_text()


@one_size
def test_a_link_does_not_ask_its_question_again_after_a_reload(page, address: str) -> None:
    page.goto(f"{address}/?q=%E6%9D%AD%E5%B7%9E%EF%BC%9F")
    page.locator('.reply[data-state="answered"]').wait_for(timeout=10_000)
    ask(page, "還有呢？")
    page.wait_for_timeout(2_000)
    page.reload()
    page.locator('.reply[data-turn="2"][data-state="answered"]').wait_for(timeout=8_000)
    page.wait_for_timeout(1_500)
    assert page.locator(".question").all_inner_texts() == ["杭州？", "還有呢？"]


@one_size
def test_a_question_typed_while_the_page_loads_is_not_erased(page) -> None:
    page.goto(page.url, wait_until="commit")
    page.locator("#box textarea").fill("杭州？")
    page.get_by_text("Why was DeepSeek born in Hangzhou?").wait_for()
    page.wait_for_timeout(1_000)
    assert page.locator("#box textarea").input_value() == "杭州？"


@one_size
def test_suggested_questions_are_shown_after_an_answer_and_asked_without_history(page) -> None:
    ask(page, "杭州？")
    offered = page.locator("#suggestions button:visible")
    assert offered.all_inner_texts() == [NEXT["en"]]
    offered.first.click()
    page.locator('.reply[data-turn="2"][data-state="answered"]').wait_for()
    assert page.locator(".question").all_inner_texts() == ["杭州？", NEXT["en"]]
    assert "（0）" in page.locator('.reply[data-turn="2"]').inner_text()  # suggested questions need no history
    page.get_by_text("简体中文").click()
    page.get_by_text(NEXT["zh-Hans"]).wait_for()


def test_the_place_in_line_and_the_expected_wait_are_shown(page) -> None:
    page.locator("#box textarea").fill("queue")
    page.locator("#send").click()
    page.get_by_text("2 ahead of you, about 14 s").wait_for(timeout=4_000)
    page.locator('.reply[data-state="answered"]').wait_for(timeout=8_000)


@one_size
def test_feedback_is_stored_with_its_reason(page, feedback_path) -> None:
    ask(page, "杭州？")
    page.locator("#unhelpful").click()
    page.locator("#reason input, #reason textarea").fill("第二句不對")
    page.locator("#tell").click()
    page.get_by_text("it is stored on this machine only").wait_for()
    row = json.loads(feedback_path.read_text(encoding="utf-8").splitlines()[-1])
    assert (row["question"], row["helpful"], row["reason"]) == ("杭州？", False, "第二句不對")
    assert row["answer"]["citations"][0]["quote"] == "杭州的互聯網生態起步早,基礎深厚。"
    page.locator("#helpful").click()
    page.wait_for_timeout(500)
    assert json.loads(feedback_path.read_text(encoding="utf-8").splitlines()[-1])["helpful"] is True


@one_size
def test_a_question_sent_by_a_double_click_is_asked_once(page) -> None:
    page.locator("#box textarea").fill("slow")
    page.locator("#send").dblclick()
    page.locator(".reply .draft").wait_for()
    page.locator("#box textarea").fill("還有呢？")
    page.keyboard.press("Enter")
    page.wait_for_timeout(500)
    assert page.locator(".question").all_inner_texts() == ["slow"]
    assert page.locator("#box textarea").input_value() == "還有呢？"
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for(timeout=4_000)


@one_size
def test_a_greeting_is_not_shown_as_declined_and_is_left_out_of_the_history(page) -> None:
    greeting = ask(page, "greet", "declined")
    assert "你好！" in greeting.inner_text() and "Not in the article" not in greeting.inner_text()
    assert page.locator("#suggestions button:visible").all_inner_texts() == EXAMPLES["en"]
    assert "（0）" in ask(page, "杭州？").inner_text()


@one_size
def test_an_error_is_shown_in_the_language_of_the_page_and_cannot_be_rated(page) -> None:
    broken = ask(page, "break", "broken")
    page.locator("#retry").wait_for()
    assert page.locator("#turn-tools button:visible").all_inner_texts() == ["Ask again", "Edit", "Undo"]
    page.get_by_text("简体中文").click()
    broken.get_by_text("模型没有写完这个回答。你的问题还在，请点“重问”。").wait_for()
    broken.locator("summary").click()
    assert "ran out of memory" in broken.inner_text()


@one_size
def test_the_last_question_is_scrolled_to_the_top_of_the_conversation(page) -> None:
    for question, state in (("第一問", "answered"), ("第二問", "answered"), ("第三問 slow", "asked")):
        ask(page, question, state)
    page.locator("button.evidence").first.wait_for()
    page.wait_for_timeout(1_000)
    last, pane = page.locator(".question").last.bounding_box(), page.locator("#conversation").bounding_box()
    assert 0 <= last["y"] - pane["y"] <= 40
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for(timeout=4_000)
