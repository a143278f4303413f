"""Test programs that are killed or signalled at any moment: the current index stays valid, and no files are left over."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from fakes import ARTICLE, FakeEmbedder
from programs import App, Scripted
from readers import ask, asking, question_and_history
from waiting import wait_for

from rag.documents import Document
from rag.store import Recipe, load, rebuild
from rag.tuned import tuned

LONGEST = tuned().longest_passage


def recipe(text: str) -> Recipe:
    return Recipe.of([Document("article.txt", text)], "bigrams", LONGEST)


def edited(number: int) -> str:
    return f"第{number}版。\n" + ARTICLE * 20


def builds(store: Path) -> list[Path]:
    return [path for path in store.iterdir() if path.is_dir()]


def test_a_rebuild_that_is_killed_at_any_moment_leaves_a_valid_index(
    scripted: Scripted, amount: Callable[[float, float], float], figures: Callable[..., None]
) -> None:
    store, source, kills, done, left = scripted.folder / "store", scripted.folder / "corpus" / "article.txt", 0, 0, 0
    wanted = int(amount(8, 200))
    random.seed(7)
    old = edited(0)
    source.write_text(old, encoding="utf-8")
    started = time.monotonic()
    assert scripted.start("index/rebuild.py").wait(60) == 0
    whole = time.monotonic() - started
    while kills < wanted:
        assert done <= 3 * wanted
        fresh = edited(kills + done + 1)
        source.write_text(fresh, encoding="utf-8")
        # Most kills come after the interpreter has started: they are aimed at embedding and writing.
        process = scripted.start("index/rebuild.py", SCRIPTED_TEXT_S=0.001)
        time.sleep(random.uniform(0.6, 1.0) * whole)
        process.kill()
        if process.wait() == 0:
            done += 1
            whole *= 0.95  # the duration of a rebuild varies with the load on the machine
        else:
            kills += 1
            whole *= 1.02
        try:
            load(store, recipe(fresh))
            old = fresh
        except Exception:
            assert load(store, recipe(old)).documents[0].text == old
        left = max(left, len(builds(store)))
        assert len(builds(store)) <= 2
    last = Document("article.txt", edited(-1))
    rebuild(store, [last], FakeEmbedder(), LONGEST)
    assert load(store, recipe(last.text)).documents == (last,)
    assert len(builds(store)) == 1
    assert {path.name for path in store.iterdir() if path.is_file()} <= {"current.json", "current.tmp", "rebuild.lock"}
    figures(killed=kills, ended_before=done, survived=kills + done, most_folders=left)


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_rebuild_ends_within_three_seconds_of_a_signal_and_leaves_the_old_index(
    scripted: Scripted, sent: signal.Signals
) -> None:
    store, source = scripted.folder / "store", scripted.folder / "corpus" / "article.txt"
    rebuild(store, [Document("article.txt", ARTICLE)], FakeEmbedder(), LONGEST)
    source.write_text("新的一段。\n" + ARTICLE.replace("杭州", "上海"), encoding="utf-8")
    process = scripted.start("index/rebuild.py", SCRIPTED_TEXT_S=5)
    wait_for(lambda: "embedding" in scripted.log("rebuild.py").read_text(), 30)
    process.send_signal(sent)
    assert process.wait(3) in (130, -sent)
    assert "Traceback" not in scripted.log("rebuild.py").read_text()
    assert load(store, recipe(ARTICLE)).documents[0].text == ARTICLE
    assert len(builds(store)) == 1


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_page_that_is_answering_ends_within_three_seconds_of_a_signal(
    start_app: Callable[..., App], sent: signal.Signals
) -> None:
    app = start_app(SCRIPTED_LETTER_S=0.5)
    with httpx.Client(base_url=app.url, timeout=60) as client, asking(client, question_and_history()[0]):
        time.sleep(0.5)
        app.process.send_signal(sent)
        assert app.process.wait(3) in (0, 130, -sent)
    assert "Traceback" not in app.log.read_text()


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM], ids=lambda sent: sent.name)
def test_a_page_that_is_loading_its_models_ends_within_three_seconds_of_a_signal(
    start_app: Callable[..., App], sent: signal.Signals
) -> None:
    app = start_app(state="warming", SCRIPTED_LOAD_S=60)
    app.process.send_signal(sent)
    assert app.process.wait(3) in (0, 130, -sent)
    assert "Traceback" not in app.log.read_text()


def test_a_page_still_answers_after_its_index_is_truncated_on_disk(start_app: Callable[..., App], scripted: Scripted) -> None:
    app = start_app()
    question, history, expected = question_and_history()
    with httpx.Client(base_url=app.url, timeout=60) as client:
        ask(client, question, history)
        for path in (path for path in builds(scripted.folder / "store")[0].rglob("*") if path.is_file()):
            with path.open("r+b") as file:
                file.truncate(0)
        assert all(word in ask(client, question, history)["text"] for word in expected)
    assert app.process.poll() is None
