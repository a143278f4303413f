"""What a person sees on the chat page, at a desktop's and a phone's size."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from reader import ask
from scripted import EXAMPLES, NEXT, Scripted

from rag.documents import Document

pytestmark = pytest.mark.browser
one_size = pytest.mark.parametrize("page", [(1280, 800)], ids=["desktop"], indirect=True)  # where the layout plays no part


def test_a_mark_leads_to_the_exact_sentence_of_its_quote(page) -> None:
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


def test_a_cited_sentence_shows_which_answer_used_it(page) -> None:
    ask(page, "杭州？")
    page.locator("#article .cited").first.click()
    assert page.locator(".reply.pointed").get_attribute("data-turn") == "1"


def test_the_evidence_lights_up_before_the_words(page) -> None:
    page.locator("#box textarea").fill("slow")
    page.locator("#send").click()
    page.locator("#article .likely").first.wait_for(timeout=3_000)
    assert page.locator("#article .likely").first.inner_text() == "杭州的互聯網生態起步早,基礎深厚。"
    assert page.locator('.reply[data-state="answered"]').count() == 0
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for(timeout=4_000)


def test_stop_reaches_the_engine(page, scripted) -> None:
    scripted.stopped.clear()
    page.locator("#box textarea").fill("slow")
    page.locator("#send").click()
    page.locator("#article .likely").first.wait_for(timeout=3_000)
    page.locator("#stop").click()
    assert scripted.stopped.wait(timeout=3)


def test_answered_declined_and_broken_look_different(page) -> None:
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


def test_the_language_of_the_page_can_be_switched(page) -> None:
    page.get_by_text("繁體中文").click()
    page.get_by_text("為什麼 DeepSeek 誕生在杭州？").wait_for()
    assert page.locator("#send").inner_text() == "提問"


def test_planted_markup_shows_as_text(page) -> None:
    reply = ask(page, '<img src=x onerror="window.planted=1">${1+1}{{2}}')
    assert "<img src=x" in page.locator(".question").inner_text()
    assert "${1+1}{{2}}" in page.locator(".question").inner_text()
    assert "<img src=x" in reply.inner_text()
    assert "<script>window.planted=1</script>" in page.locator("#article").inner_text()
    assert page.evaluate("window.planted") is None


def test_copying_can_leave_the_marks_out(page) -> None:
    reply = ask(page, "杭州？")
    reply.locator('[data-copy="plain"]').click()
    page.wait_for_timeout(200)
    assert "[1]" not in page.evaluate("navigator.clipboard.readText()")
    reply.locator('[data-copy="marked"]').click()
    page.wait_for_timeout(200)
    assert "[1]" in page.evaluate("navigator.clipboard.readText()")


def test_a_link_asks_at_once(page, address: str) -> None:
    page.wait_for_timeout(2_000)
    page.goto(f"{address}/?q=%E6%9D%AD%E5%B7%9E%EF%BC%9F")
    page.locator('.reply[data-state="answered"]').wait_for(timeout=10_000)
    assert page.locator(".question").inner_text() == "杭州？"


def test_a_question_that_is_too_long_is_kept_and_told(page) -> None:
    page.locator("#box textarea").fill("長" * 4_100)
    page.locator("#send").click()
    page.get_by_text("A question may have 4000 characters; this one has 4100.").wait_for(timeout=5_000)
    assert page.locator("#box textarea").input_value() == "長" * 4_100


def test_nothing_overflows_sideways(page) -> None:
    ask(page, "W" * 300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


def test_the_conversation_can_be_taken_home_with_one_click_as_it_is_now(page) -> None:
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


IN_SIGHT = """(mark) => {
    const pane = document.getElementById("article").getBoundingClientRect(), box = mark.getBoundingClientRect();
    return box.top >= pane.top && box.bottom <= pane.bottom;
}"""


def test_the_best_evidence_is_brought_into_sight_and_stays_there(page) -> None:
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
def test_a_sentence_cited_before_lights_up_again_as_evidence(page) -> None:
    ask(page, "杭州？")
    page.locator("#box textarea").fill("slow")
    page.locator("#send").click()
    page.locator("#article .cited.likely").first.wait_for(timeout=3_000)
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for(timeout=4_000)


@one_size
def test_an_unforeseen_fault_ends_as_broken_and_can_be_asked_again(page) -> None:
    broken = ask(page, "crash", "broken")
    assert "choose “Ask again”" in broken.inner_text()
    assert "a fault that nobody foresaw" not in broken.inner_text()
    page.locator("#edit").click()
    page.wait_for_function("document.querySelector('#box textarea').value === 'crash'")


@one_size
def test_the_chosen_language_survives_a_reload(page) -> None:
    page.get_by_text("繁體中文").click()
    page.get_by_text("為什麼 DeepSeek 誕生在杭州？").wait_for()
    page.wait_for_timeout(2_000)
    page.reload()
    page.get_by_text("為什麼 DeepSeek 誕生在杭州？").wait_for(timeout=8_000)
    assert page.locator("#send").inner_text() == "提問"


@one_size
def test_a_reader_who_leaves_frees_the_engine(page, scripted) -> None:
    other = page.context.new_page()
    other.goto(page.url)
    other.get_by_text("Why was DeepSeek born in Hangzhou?").wait_for()
    other.locator("#box textarea").fill("slow")
    other.locator("#send").click()
    other.locator(".reply .draft").wait_for(timeout=4_000)
    assert not scripted.ended.is_set()
    other.close(run_before_unload=True)
    assert scripted.ended.wait(timeout=2)


@one_size
def test_a_question_typed_while_the_page_opens_is_not_wiped(page) -> None:
    page.goto(page.url, wait_until="commit")
    page.locator("#box textarea").fill("杭州？")
    page.get_by_text("Why was DeepSeek born in Hangzhou?").wait_for()
    page.wait_for_timeout(1_000)
    assert page.locator("#box textarea").input_value() == "杭州？"


@one_size
def test_questions_that_the_article_answers_are_offered_after_each_answer(page) -> None:
    ask(page, "杭州？")
    offered = page.locator("#suggestions button:visible")
    assert offered.all_inner_texts() == [NEXT["en"]]
    offered.first.click()
    page.locator('.reply[data-turn="2"][data-state="answered"]').wait_for()
    assert page.locator(".question").all_inner_texts() == ["杭州？", NEXT["en"]]
    assert "（0）" in page.locator('.reply[data-turn="2"]').inner_text()  # such a question needs no history
    page.get_by_text("简体中文").click()
    page.get_by_text(NEXT["zh-Hans"]).wait_for()


def test_the_place_in_line_and_the_expected_wait_are_told(page) -> None:
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


@pytest.mark.parametrize("page", [(640, 400)], ids=["zoomed"], indirect=True)  # 1280 by 800 at 200 %
def test_at_twice_the_size_nothing_overflows_and_everything_can_be_used(page) -> None:
    reply = ask(page, "杭州為什麼？" * 20)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in ("#box textarea", "#send", "#retry", "#language", "#article"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 640
    reply.locator("button.mark").first.click()
    page.locator("#back").click()
    assert page.evaluate("document.activeElement.className") == "mark"


def test_the_evidence_can_be_read_beside_the_progress_and_leads_to_its_place(page) -> None:
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


@one_size
def test_a_reader_needs_no_mouse(page) -> None:
    assert page.evaluate("document.activeElement.tagName") == "TEXTAREA"
    page.keyboard.type("杭州？")
    page.keyboard.press("Enter")
    page.locator('.reply[data-state="answered"]').wait_for()
    page.wait_for_timeout(300)
    focused = "[...document.querySelectorAll('button.mark')].indexOf(document.activeElement)"
    for _ in range(12):
        if page.evaluate(focused) == 1:
            break
        page.keyboard.press("Shift+Tab")
    assert page.evaluate(focused) == 1
    assert page.locator("#quote").inner_text() == "浙江大學等高校提供了穩定的人才。"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.textContent") == "浙江大學等高校提供了穩定的人才。"
    page.keyboard.press("Escape")
    assert page.evaluate(focused) == 1
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")
    assert page.locator(".reply.pointed").count() == 1


@one_size
def test_a_screen_reader_hears_the_answer_once_and_not_each_word(page) -> None:
    page.evaluate("""() => {
        window.heard = [];
        new MutationObserver(() => window.heard.push(document.getElementById("voice").textContent))
            .observe(document.getElementById("voice"), { childList: true });
    }""")
    ask(page, "杭州？")
    heard = page.evaluate("window.heard")
    assert heard[0] == "Looking for evidence…"
    assert heard[-1].startswith("杭州起步早") and "[1]" not in heard[-1]
    assert len(heard) == len(set(heard)) <= 5
    assert page.locator("[aria-live] .reply, [role=log] .reply").count() == 0


@one_size
def test_the_page_says_what_language_it_is_in(page) -> None:
    page.get_by_text("繁體中文").click()
    page.wait_for_function("document.documentElement.lang === 'zh-Hant'")
    assert page.locator("#article section").get_attribute("lang") == "zh-Hant"


@one_size
def test_the_enter_that_chooses_a_character_asks_nothing_and_shift_enter_begins_a_line(page) -> None:
    box = page.locator("#box textarea")
    box.fill("杭州")
    box.evaluate("""(box) => ["keydown", "keypress", "keyup"].forEach((name) => box.dispatchEvent(
        new KeyboardEvent(name, { key: "Enter", keyCode: 13, bubbles: true, cancelable: true, isComposing: true })))""")
    page.wait_for_timeout(800)
    assert page.locator(".reply").count() == 0
    box.press("End")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("？")
    assert box.input_value() == "杭州\n？"
    page.keyboard.press("Enter")
    page.locator('.reply[data-state="answered"]').wait_for()


@one_size
def test_a_question_that_is_sent_twice_in_haste_is_asked_once(page) -> None:
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
def test_a_greeting_is_no_decline_and_no_part_of_what_is_followed_up(page) -> None:
    greeting = ask(page, "greet", "declined")
    assert "你好！" in greeting.inner_text() and "Not in the article" not in greeting.inner_text()
    assert page.locator("#suggestions button:visible").all_inner_texts() == EXAMPLES["en"]
    assert "（0）" in ask(page, "杭州？").inner_text()


@one_size
def test_an_error_is_told_in_the_language_of_the_page_and_cannot_be_judged(page) -> None:
    broken = ask(page, "break", "broken")
    page.locator("#retry").wait_for()
    assert page.locator("#turn-tools button:visible").all_inner_texts() == ["Ask again", "Edit", "Undo"]
    page.get_by_text("简体中文").click()
    broken.get_by_text("模型没有写完这个回答。你的问题还在，请点“重问”。").wait_for()
    broken.locator("summary").click()
    assert "ran out of memory" in broken.inner_text()


@one_size
def test_a_language_that_is_chosen_in_mid_conversation_is_that_of_every_label(page) -> None:
    ask(page, "杭州？")
    page.get_by_text("繁體中文").click()
    page.locator("#helpful", has_text="有幫助").wait_for()
    labels = page.locator(":is(#turn-tools, #tools, #composer) button:visible").all_inner_texts()
    assert labels == ["有幫助", "沒幫助", "重問", "修改", "撤回", "提問", "新對話", "存成 Markdown", "存成 JSON"]
    assert page.locator(".copies button").all_inner_texts() == ["複製", "複製（不含編號）"]


@one_size
def test_the_last_question_goes_to_the_top_of_the_conversation(page) -> None:
    for question, state in (("第一問", "answered"), ("第二問", "answered"), ("第三問 slow", "asked")):
        ask(page, question, state)
    page.locator("button.evidence").first.wait_for()
    page.wait_for_timeout(1_000)
    last, pane = page.locator(".question").last.bounding_box(), page.locator("#conversation").bounding_box()
    assert 0 <= last["y"] - pane["y"] <= 40
    page.locator("#stop").click()
    page.locator('.reply[data-state="stopped"]').wait_for(timeout=4_000)


def test_of_several_sources_the_one_that_a_mark_leads_to_is_shown_under_its_title(
    chromium, served: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    long = "\n".join(f"第{number}段說的是杭州的產業、人才和資本。" for number in range(4_000))  # some 200 kB
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
