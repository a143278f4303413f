"""Serve the page to a real Chromium. `scripted.py` answers, unless a test serves another answerer."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
import uvicorn
from scripted import EXAMPLES, Scripted

from rag.ui.server import address_of, bind, create_app

SCREENSHOTS = Path(__file__).parent / "screenshots"


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing; .ci/run installs it.")
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    # Only the loopback address resolves: every test runs without a network.
    cut = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*quiet, cut])
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture(scope="session")
def feedback_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback") / "feedback.jsonl"


@contextmanager
def _served(answerer: object, feedback_path: Path, port: int = 0) -> Iterator[str]:
    """Serve the page on a port, a free one for 0, and yield its address."""
    bound = bind("127.0.0.1", port, None, False)
    address = address_of(bound)
    app = create_app(answerer, feedback_path, address)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, args=([bound],), daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield address
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(scope="session")
def served() -> Callable[..., AbstractContextManager[str]]:
    """Return the context manager that serves the page for an answerer."""
    return _served


@pytest.fixture(scope="session")
def address(scripted: Scripted, feedback_path: Path) -> Iterator[str]:
    with _served(scripted, feedback_path) as address:
        yield address


@pytest.fixture(scope="session")
def contexts(chromium, address: str):
    """Yield a function that returns the one context of a size: with its cache, a page opens in a tenth of the time."""
    opened: dict[tuple[int, int], object] = {}

    def context(size: tuple[int, int]):
        if size not in opened:
            viewport = {"width": size[0], "height": size[1]}
            opened[size] = chromium.new_context(viewport=viewport, locale="en-US")
            opened[size].grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
        return opened[size]

    yield context
    for each in opened.values():
        each.close()


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["desktop", "phone"])
def page(contexts, address: str, request: pytest.FixtureRequest):
    opened = contexts(request.param).new_page()
    opened.goto(f"{address}/healthz")
    opened.evaluate("localStorage.clear()")
    opened.errors, opened.hosts = [], set()
    opened.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.on("request", lambda sent: opened.hosts.add(sent.url.split("/")[2]) if sent.url.startswith("http") else None)
    opened.goto(address)
    opened.get_by_text(EXAMPLES["en"][0]).wait_for()
    yield opened
    SCREENSHOTS.mkdir(exist_ok=True)
    opened.screenshot(path=SCREENSHOTS / f"{request.node.name}.png")
    opened.close()
    left_behind = ("AbortError: signal is aborted", "Connection errored out")  # logged by Gradio when a page is reloaded
    assert [error for error in opened.errors if not any(words in error for words in left_behind)] == []
    assert opened.hosts == {address.split("/")[2]}
