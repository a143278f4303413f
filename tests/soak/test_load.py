"""Many readers at once, over HTTP against the real page and in one process against `Rag`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
from conftest import App, wait_for
from readers import ask, asking, question_and_history

Amount = Callable[[float, float], float]
Figures = Callable[..., None]
StartApp = Callable[..., App]
READERS = 50


def test_fifty_readers_get_their_own_answers_in_turn_and_nothing_grows(
    start_app: StartApp, amount: Amount, figures: Figures
) -> None:
    app = start_app()
    counts = [0] * READERS
    waits: list[list[float]] = [[] for _ in range(READERS)]
    until = time.monotonic() + amount(4, 300)
    warm = time.monotonic() + amount(2, 60)

    def reader(number: int) -> None:
        with httpx.Client(base_url=app.url, timeout=60) as client:
            while time.monotonic() < until:
                question, history, expected = question_and_history()
                started = time.monotonic()
                answer = ask(client, question, history)
                waits[number].append(time.monotonic() - started)
                assert all(word in answer["text"] for word in expected), (question, answer["text"])
                assert answer["citations"]
                counts[number] += 1

    with ThreadPoolExecutor(READERS) as pool:
        running = [pool.submit(reader, number) for number in range(READERS)]
        time.sleep(max(0.0, warm - time.monotonic()))
        resident, threads, handles, health = app.resident, app.threads, app.handles, []
        while time.monotonic() < until:
            started = time.monotonic()
            httpx.get(f"{app.url}/healthz", timeout=30).raise_for_status()
            health.append(time.monotonic() - started)
            time.sleep(0.5)
        for each in running:
            each.result()
    growth = app.resident / resident - 1
    slowest = max(max(times[1:], default=0.0) for times in waits)
    typical = sorted(time for times in waits for time in times[1:])[sum(map(len, waits)) // 2 - READERS // 2]
    figures(
        readers=READERS,
        answers=sum(counts),
        fewest_of_a_reader=min(counts),
        most_of_a_reader=max(counts),
        median_wait_s=round(typical, 2),
        longest_wait_s=round(slowest, 2),
        slowest_healthz_s=round(max(health), 2),
        resident_mb=resident // 1_000_000,
        growth=f"{growth:.1%}",
        threads=f"{threads} to {app.threads}",
        handles=f"{handles} to {app.handles}",
    )
    assert app.metric('rag_questions_total{outcome="answered"}') == sum(counts)
    assert max(counts) - min(counts) <= max(2, 0.1 * max(counts))
    assert sorted(health)[len(health) * 9 // 10] < 1.0
    assert growth < amount(0.15, 0.05)
    # A short run counts before every reader has had a thread; a thread lost with each answer would still be seen.
    assert app.threads <= threads + amount(READERS, 2)
    assert app.handles <= handles + 2


def test_a_hundred_readers_who_leave_in_the_middle_free_the_engine_within_a_second(
    start_app: StartApp, figures: Figures
) -> None:
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
