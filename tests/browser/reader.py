"""Do on the page what a reader does."""


def ask(page, question: str, state: str = "answered", timeout: int = 15_000):
    """Ask as a reader does, and return the reply once it is in a state."""
    count = page.locator(".reply").count()
    page.locator("#box textarea").fill(question)
    page.locator("#send").click()
    reply = page.locator(f'.reply[data-turn="{count + 1}"][data-state="{state}"]')
    reply.wait_for(timeout=timeout)
    return reply
