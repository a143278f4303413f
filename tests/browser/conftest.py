"""A real page in real Chromium, with a scripted answerer behind it: what a person sees, quickly."""

import os
import shutil
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import uvicorn

from rag.documents import Document, Passage, split_document
from rag.errors import Cancelled, GenerationError
from rag.results import Answer, Citation, Event, Evidence, Final, Progress, Timings, Token
from rag.ui.server import create_server

TEXT = (
    "杭州的互聯網生態起步早,基礎深厚。\n"
    "2023年杭州私募股權基金規模突破1.8萬億元。\n"
    '有人在文中寫了<img src=x onerror="window.planted=1"><script>window.planted=1</script>。\n'
    + "這一段只是為了讓文章夠長。\n" * 60
    + "浙江大學等高校提供了穩定的人才。\n"
)
EXAMPLES = {
    "en": ["Why was DeepSeek born in Hangzhou?", "How many parameters does DeepSeek-R1 have?"],
    "zh-Hant": ["為什麼 DeepSeek 誕生在杭州？"],
    "zh-Hans": ["为什么 DeepSeek 诞生在杭州？"],
}
NEXT = {"en": "Which universities does Hangzhou have?", "zh-Hant": "杭州有哪些大學？", "zh-Hans": "杭州有哪些大学？"}
SCREENSHOTS = Path(__file__).parent / "screenshots"


class Scripted:
    """Answer by the words of the question: "slow", "queue", "break", "crash", "deep" and "unsaid" do what they say."""

    def __init__(self) -> None:
        self.documents = (Document("article.txt", TEXT),)
        self.sentences = split_document(self.documents[0])
        self.stopped = threading.Event()
        self.ended = threading.Event()

    def status(self) -> tuple[str, str]:
        return "ready", ""

    def metrics(self) -> str:
        return "rag_waiting 0\n"

    def suggest(self, language: str, cited: Sequence[object] = (), asked: Sequence[str] = ()) -> list[str]:
        return [NEXT[language]] if asked else EXAMPLES[language]

    def _citations(self) -> tuple[Citation, ...]:
        chosen = (self.sentences[0], self.sentences[-1])
        return tuple(Citation(m, s.text, s.source, s.start, s.end, m - 1, 0.9) for m, s in enumerate(chosen, start=1))

    def retrieve(self, question: str, history: Sequence[object] = ()) -> Evidence:
        citations = self._citations()
        passages = tuple(Passage(c.quote, c.source, c.start, c.end, 0.5) for c in citations)
        return Evidence(passages, citations, 0.01)

    def stream(self, question: str, history: Sequence[object] = (), cancelled=None) -> Iterator[Event]:
        found = self.retrieve(question)
        if "deep" in question:
            found = Evidence(found.passages, found.sentences[::-1], found.seconds)
        self.ended.clear()
        try:
            yield found
            yield from self._words(question, history, cancelled, found)
        finally:
            self.ended.set()

    def _words(self, question: str, history: Sequence[object], cancelled, found: Evidence) -> Iterator[Event]:
        if "crash" in question:
            raise ValueError("a fault that nobody foresaw")
        if "break" in question:
            raise GenerationError("The engine failed: it ran out of memory. Ask again.")
        if "queue" in question:
            yield Progress(stage="waiting", place=2, expected_s=14.0)
            time.sleep(2)
        yield Progress(stage="reading", fraction=0.5)
        for word in ("杭州", "的", "互聯網", "生態"):
            if cancelled is not None and cancelled():
                self.stopped.set()
                raise Cancelled("The answer was stopped.")
            yield Token(text=word)
            time.sleep(1.0 if "slow" in question else 0.05)
        timings = Timings(0.01, 0.5, 1.0, 120, 20, 100)
        if "unsaid" in question:
            text = "文中沒有說明這一點。最接近的內容是：杭州的互聯網生態起步早,基礎深厚。[1]"
            yield Final(
                Answer(text, False, "not in the text", found.sentences[:1], found.passages, timings, "zh-Hant", "scripted")
            )
            return
        text = f'杭州起步早 <img src=x onerror="window.planted=1">（{len(history)}）。[1]\n高校提供人才。[2]'
        yield Final(Answer(text, True, "", found.sentences, found.passages, timings, "zh-Hant", "scripted"))


@pytest.fixture(scope="session")
def chromium():
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        if os.environ.get("CI"):
            pytest.fail("Chromium is missing; .ci/run installs it.")
        pytest.skip("Chromium is not installed: apt-get install chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
        )
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def scripted() -> Scripted:
    return Scripted()


@pytest.fixture(scope="session")
def address(scripted: Scripted, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create_server(scripted, tmp_path_factory.mktemp("feedback") / "feedback.jsonl")
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.05)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    thread.join(timeout=10)


@pytest.fixture(params=[(1280, 800), (390, 844)], ids=["desktop", "phone"])
def page(chromium, address: str, request: pytest.FixtureRequest):
    width, height = request.param
    context = chromium.new_context(viewport={"width": width, "height": height}, locale="en-US")
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=address)
    opened = context.new_page()
    opened.errors, opened.hosts = [], set()
    opened.on("console", lambda message: opened.errors.append(message.text) if message.type == "error" else None)
    opened.on("pageerror", lambda error: opened.errors.append(str(error)))
    opened.on("request", lambda sent: opened.hosts.add(sent.url.split("/")[2]) if sent.url.startswith("http") else None)
    opened.goto(address)
    opened.get_by_text("Why was DeepSeek born in Hangzhou?").wait_for()
    yield opened
    SCREENSHOTS.mkdir(exist_ok=True)
    opened.screenshot(path=SCREENSHOTS / f"{request.node.name}.png", full_page=True)
    context.close()
    left_behind = ("AbortError: signal is aborted", "Connection errored out")  # Gradio, of a page that was left by a reload
    assert [error for error in opened.errors if not any(words in error for words in left_behind)] == []
    assert opened.hosts == {address.split("/")[2]}
