"""Use the page as a reader does."""

import pytest

one_size = pytest.mark.parametrize("page", [(1280, 800)], ids=["desktop"], indirect=True)  # where layout does not matter


def ask(page, question: str, state: str = "answered", timeout: int = 15_000):
    """Ask a question on the page, and return the reply once it is in the given state."""
    count = page.locator(".reply").count()
    page.locator("#box textarea").fill(question)
    page.locator("#send").click()
    reply = page.locator(f'.reply[data-turn="{count + 1}"][data-state="{state}"]')
    reply.wait_for(timeout=timeout)
    return reply
