"""The functions of `rag.api` share one chatbot, even if their first calls are concurrent."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from rag import api


def test_concurrent_first_questions_open_only_one_chatbot(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    together = threading.Barrier(8)

    class Slow:
        def __init__(self) -> None:
            time.sleep(0.02)
            opened.append(self)

        def close(self) -> None:
            """Free nothing."""

        def answer(self, question: str, history: object) -> object:
            return self

    def first_question(_: int) -> object:
        together.wait(5)
        return api.answer("為什麼？")

    monkeypatch.setattr(api, "Rag", Slow)
    api._opened.cache_clear()
    try:
        with ThreadPoolExecutor(8) as pool:
            used = list(pool.map(first_question, range(8)))
    finally:
        api._opened.cache_clear()
    assert used == opened * 8
