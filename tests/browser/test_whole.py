"""Test the page with the real models: an answer, a suggested question, a decline and an error in one session."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from reader import ask

from rag.pipeline import Rag
from rag.settings import Settings

pytestmark = [pytest.mark.browser, pytest.mark.models]


def test_a_session_with_answers_a_decline_and_an_error_shows_each_of_them(
    chromium, served: Callable[..., AbstractContextManager[str]], tmp_path: Path
) -> None:
    rag = Rag(Settings.load(read_ahead=False)).warm()
    try:
        with served(rag, tmp_path / "feedback.jsonl") as address:
            page = chromium.new_page(viewport={"width": 1280, "height": 800}, locale="zh-TW")
            page.goto(address)
            page.get_by_role("button", name="為什麼 DeepSeek 誕生在杭州？").click()
            page.locator("#article .likely").first.wait_for(timeout=5_000)
            answered = page.locator('.reply[data-state="answered"]')
            answered.wait_for(timeout=90_000)
            mark = answered.locator("button.mark").first
            mark.click()
            assert page.locator("#article .chosen").inner_text() == mark.get_attribute("data-quote")

            suggested = page.locator("#suggestions button:visible")
            assert 2 <= suggested.count() <= 3
            suggested.first.click()
            page.locator('.reply[data-turn="2"][data-state="answered"]').wait_for(timeout=90_000)

            page.locator("#new").click()
            page.get_by_role("button", name="DeepSeek-R1 有多少參數？").click()
            declined = page.locator('.reply[data-state="declined"]')
            declined.wait_for(timeout=90_000)
            assert "文章沒有說" in declined.inner_text()

            rag.answering().generator.close()
            broken = ask(page, "南京和杭州有什麼不同？", "broken", timeout=90_000)
            assert "模型沒有寫完這個回答" in broken.inner_text()
            broken.locator("summary").click()
            assert "The engine is closed" in broken.inner_text()
            page.close()
    finally:
        rag.close()
