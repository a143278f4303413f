"""Test many concurrent readers: of the real page over HTTP, and of `Rag` in one process."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from fakes import FakeEmbedder, ScriptedGenerator, assert_exact, questions_asked
from programs import Amount, App, Figures
from readers import Load, ask, asking, load, question_and_history
from waiting import wait_for

from rag import answer, api, stream
from rag.generation import Prompt
from rag.pipeline import Rag
from rag.results import Answer, Event, Final
from rag.settings import Settings
from rag.ui.page import CALLS

StartApp = Callable[..., App]
READERS = 50


def level(app: App) -> dict[str, int]:
    """Return what a leak would increase."""
    return {"resident": app.resident, "threads": app.threads, "handles": app.handles}


def told(load: Load, figures: Figures) -> float:
    """Record the figures of a load, and return the relative growth of memory."""
    growth = load.after["resident"] / load.before["resident"] - 1
    waits, health = sorted(load.waits), sorted(load.health)
    figures(
        readers=len(load.counts),
        answers=sum(load.counts),
        fewest_and_most_of_a_reader=f"{min(load.counts)} {max(load.counts)}",
        median_and_longest_wait_s=f"{waits[len(waits) // 2]:.2f} {waits[-1]:.2f}",
        healthz_median_and_99th_and_slowest_s=f"{health[len(health) // 2]:.3f} {percentile(health, 99):.3f} {health[-1]:.3f}",
        resident_mb=f"{load.before['resident'] / 1e6:.0f} to {load.after['resident'] / 1e6:.0f} ({growth:+.1%})",
        threads=f"{load.before['threads']} to {load.after['threads']}",
        handles=f"{load.before['handles']} to {load.after['handles']}",
    )
    return growth


def percentile(values: Sequence[float], share: int) -> float:
    """Return the value that `share` percent of the values are below."""
    return sorted(values)[min(len(values) - 1, len(values) * share // 100)]


def assert_healthy(seen: Load) -> None:
    """Assert that /healthz did not wait for readers, allowing for a machine that is busy with other work."""
    assert percentile(seen.health, 99) < max(1.0, percentile(seen.waits, 50) / 2)


def test_fifty_concurrent_readers_get_their_own_answers_in_turn_and_nothing_leaks(
    start_app: StartApp, amount: Amount, figures: Figures
) -> None:
    app = start_app()
    fresh = level(app)
    long = amount(0, 1)
    started = time.monotonic()

    def warm(answers: int) -> bool:
        # Until Gradio forgets the first call, memory grows by about 3 kB per answer.
        return answers > CALLS / READERS and time.monotonic() - started > 60 if long else answers >= 1

    def done(answers: int) -> bool:
        return time.monotonic() - started > 360 if long else answers >= 3

    seen = load(app.url, READERS, question_and_history, warm, done, lambda: level(app))
    growth = told(seen, figures)
    assert app.metric('rag_questions_total{outcome="answered"}') == sum(seen.counts)
    assert max(seen.counts) - min(seen.counts) <= max(2, 0.1 * max(seen.counts))
    assert_healthy(seen)
    # A waiting reader occupies one thread, and a second to connect or leave; one leaked per answer would exceed this.
    assert seen.after["threads"] <= fresh["threads"] + 2 * READERS
    assert seen.after["handles"] <= fresh["handles"] + 2
    if long:  # memory still grows after the start, so a short run could not reveal a leak
        assert growth < 0.05


def test_many_threads_get_their_own_answers_from_answer_and_stream(
    chosen: Settings, monkeypatch: pytest.MonkeyPatch, amount: Amount, figures: Figures
) -> None:
    def repeated(prompt: Prompt) -> str:
        return "\n".join(f"{question}：" for question in questions_asked(prompt))

    shared = Rag(chosen, FakeEmbedder(), ScriptedGenerator([repeated])).warm()
    monkeypatch.setattr(api, "_shared", lambda: shared)
    threads, rounds = 40, int(amount(3, 100))

    def reader(number: int) -> float:
        slowest = 0.0
        for _ in range(rounds):
            question, history, expected = question_and_history()
            started = time.monotonic()
            given = answer(question, history) if number % 2 else last(stream(question, history))
            slowest = max(slowest, time.monotonic() - started)
            assert all(word in given.text for word in expected), (question, given.text)
            assert_exact(given)
        return slowest

    before = threading.active_count()
    with ThreadPoolExecutor(threads) as pool:
        slowest = max(pool.map(reader, range(threads)))
    figures(threads=threads, answers=threads * rounds, slowest_s=round(slowest, 2))
    assert threading.active_count() == before


def last(events: Iterator[Event]) -> Answer:
    *_, final = events
    assert isinstance(final, Final)
    return final.answer


def test_a_hundred_readers_who_disconnect_free_the_engine_within_a_second(start_app: StartApp, figures: Figures) -> None:
    app = start_app(SCRIPTED_LETTER_S=0.03)
    with httpx.Client(base_url=app.url, timeout=60) as client:
        question = question_and_history()[0]
        ask(client, question)
        started = time.monotonic()
        ask(client, question)
        alone = time.monotonic() - started
        leave = threading.Event()

        def leaver() -> None:
            with httpx.Client(base_url=app.url, timeout=60) as own, asking(own, question):
                leave.wait(60)

        with ThreadPoolExecutor(100) as pool:
            leaving = [pool.submit(leaver) for _ in range(100)]
            wait_for(lambda: app.metric("rag_waiting") >= 30, 30)
            time.sleep(1)
            healthy = time.monotonic()
            client.get("/healthz").raise_for_status()
            healthy = time.monotonic() - healthy
            leave.set()
            for each in leaving:
                each.result()
            started = time.monotonic()
        ask(client, question)
        late = time.monotonic() - started - alone
    figures(left=100, next_answer_later_by_s=round(late, 2), healthz_s=round(healthy, 3))
    assert healthy < 1.0
    assert late < 1.0
