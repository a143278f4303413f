"""Test the page in its languages, at several sizes, and with mouse, keyboard and screen reader."""

import pytest
from reader import ask, one_size

pytestmark = pytest.mark.browser


def test_the_language_of_the_page_can_be_switched(page) -> None:
    page.get_by_text("繁體中文").click()
    page.get_by_text("為什麼 DeepSeek 誕生在杭州？").wait_for()
    assert page.locator("#send").inner_text() == "提問"


def test_planted_markup_is_shown_as_text(page) -> None:
    reply = ask(page, '<img src=x onerror="window.planted=1">${1+1}{{2}}')
    assert "<img src=x" in page.locator(".question").inner_text()
    assert "${1+1}{{2}}" in page.locator(".question").inner_text()
    assert "<img src=x" in reply.inner_text()
    assert "<script>window.planted=1</script>" in page.locator("#article").inner_text()
    assert page.evaluate("window.planted") is None


def test_a_long_word_does_not_make_the_page_overflow_sideways(page) -> None:
    ask(page, "W" * 300)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth + 1")


@one_size
def test_the_chosen_language_survives_a_reload(page) -> None:
    page.get_by_text("繁體中文").click()
    page.get_by_text("為什麼 DeepSeek 誕生在杭州？").wait_for()
    page.wait_for_timeout(2_000)
    page.reload()
    page.get_by_text("為什麼 DeepSeek 誕生在杭州？").wait_for(timeout=8_000)
    assert page.locator("#send").inner_text() == "提問"


@pytest.mark.parametrize("page", [(640, 400)], ids=["zoomed"], indirect=True)  # 1280 by 800 at 200 %
def test_at_200_percent_zoom_nothing_overflows_sideways_and_marks_lead_there_and_back(page) -> None:
    reply = ask(page, "杭州為什麼？" * 20)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    for part in ("#box textarea", "#send", "#retry", "#language", "#article"):
        box = page.locator(part).bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 640
    reply.locator("button.mark").first.click()
    page.locator("#back").click()
    assert page.evaluate("document.activeElement.className") == "mark"


@one_size
def test_the_page_can_be_used_with_the_keyboard_alone(page) -> None:
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
def test_the_focus_moves_to_the_question_box_after_each_button_that_disappears(page) -> None:
    at_the_box = "document.activeElement === document.querySelector('#box textarea')"

    def press(button: str, state: str) -> None:
        page.locator(button).first.focus()
        page.keyboard.press("Enter")
        page.locator(f'#current .reply[data-state="{state}"]').wait_for()
        page.wait_for_function(at_the_box, timeout=3_000)

    press("#suggestions button:visible", "answered")
    page.locator("#retry").wait_for()
    page.wait_for_timeout(500)
    press("#retry", "asked")
    page.locator('#current .reply[data-state="answered"]').wait_for()
    page.locator("#box textarea").fill("slow")
    press("#send", "asked")
    press("#stop", "stopped")
    for button in ("#edit", "#new"):
        if button == "#new":
            ask(page, "杭州？")
        page.locator(button).focus()
        page.keyboard.press("Enter")
        page.wait_for_function(at_the_box, timeout=3_000)


@one_size
def test_a_cited_sentence_has_the_role_of_a_link_until_the_conversation_ends(page) -> None:
    ask(page, "杭州？")
    cited = page.locator("#article .cited")
    assert [sentence.get_attribute("role") for sentence in cited.all()] == ["link", "link"]
    page.locator("#new").click()
    page.locator(".question").first.wait_for(state="detached", timeout=8_000)
    assert page.locator("#article [role=link]").count() == 0


@one_size
def test_the_copy_buttons_are_hidden_if_the_browser_has_no_clipboard(page) -> None:
    assert ask(page, "杭州？").locator(".copies").is_visible()
    page.add_init_script("Object.defineProperty(navigator, 'clipboard', { value: undefined })")
    page.wait_for_timeout(2_000)
    page.reload()
    reply = page.locator('.reply[data-state="answered"]')
    reply.wait_for(timeout=8_000)
    assert not reply.locator(".copies").is_visible()


@one_size
def test_a_screen_reader_announces_the_answer_once_and_not_word_by_word(page) -> None:
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
def test_the_page_and_the_article_declare_their_language(page) -> None:
    page.get_by_text("繁體中文").click()
    page.wait_for_function("document.documentElement.lang === 'zh-Hant'")
    assert page.locator("#article section").get_attribute("lang") == "zh-Hant"


@one_size
def test_enter_in_an_input_method_asks_nothing_and_shift_enter_begins_a_line(page) -> None:
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
def test_switching_the_language_in_a_conversation_translates_every_label(page) -> None:
    ask(page, "杭州？")
    page.get_by_text("繁體中文").click()
    page.locator("#helpful", has_text="有幫助").wait_for()
    labels = page.locator(":is(#turn-tools, #tools, #composer) button:visible").all_inner_texts()
    assert labels == ["有幫助", "沒幫助", "重問", "修改", "撤回", "提問", "新對話", "存成 Markdown", "存成 JSON"]
    assert page.locator(".copies button").all_inner_texts() == ["複製", "複製（不含編號）"]
