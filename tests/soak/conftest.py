"""Run each test of this folder twice over: short with every run of the tests, long (`make soak`) for hours of wear."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from fakes import ARTICLE
from programs import Amount, App, Figures, Scripted
from waiting import wait_for


@pytest.fixture(params=["short", pytest.param("long", marks=pytest.mark.soak)])
def amount(request: pytest.FixtureRequest) -> Amount:
    """Return how much to do: amount(short, long)."""
    return lambda short, long: long if request.param == "long" else short


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Return a keeper of what was counted; it is told at the end of the run."""

    def keep(**counted: object) -> None:
        for name, value in counted.items():
            record_property(name, value)

    return keep


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [
        each for outcome in ("passed", "failed") for each in terminalreporter.getreports(outcome) if each.user_properties
    ]
    for report in reports:
        told = ", ".join(f"{name} {value}" for name, value in report.user_properties)
        terminalreporter.write_line(f"{report.nodeid.split('::')[1]}: {told}")


@pytest.fixture
def scripted(tmp_path: Path) -> Scripted:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "article.txt").write_text(ARTICLE, encoding="utf-8")
    return Scripted(tmp_path)


@pytest.fixture
def start_app(scripted: Scripted) -> Iterator[Callable[..., App]]:
    """Return a starter of pages: start_app(**environment) waits until /healthz says "ready", or another state."""
    processes = []

    def start(seconds: float = 180, state: str = "ready", **variables: object) -> App:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        process = scripted.start("app.py", "--port", str(port), **variables)
        processes.append(process)
        app = App(process, f"http://127.0.0.1:{port}", scripted.log("app.py"))
        wait_for(lambda: process.poll() is not None or _state(app) == state, seconds)
        assert process.poll() is None, app.log.read_text()
        return app

    yield start
    for process in processes:
        process.kill()
        process.wait()


def _state(app: App) -> str:
    try:
        return str(httpx.get(f"{app.url}/healthz").json()["state"])
    except httpx.TransportError:
        return "silent"
