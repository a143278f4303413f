"""Do on the page what a reader does."""

import pytest

one_size = pytest.mark.parametrize("page", [(1280, 800)], ids=["desktop"], indirect=True)  # where the layout plays no part


def ask(page, question: str, state: str = "answered", timeout: int = 15_000):
    """Ask as a reader does, and return the reply once it is in a state."""
    count = page.locator(".reply").count()
    page.locator("#box textarea").fill(question)
    page.locator("#send").click()
    reply = page.locator(f'.reply[data-turn="{count + 1}"][data-state="{state}"]')
    reply.wait_for(timeout=timeout)
    return reply
