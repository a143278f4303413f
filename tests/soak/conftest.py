"""Run each test that takes `amount` twice: briefly in every test run, and at length with `make soak`."""

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
    """Return a function that chooses how much to do: amount(short, long)."""
    return lambda short, long: long if request.param == "long" else short


@pytest.fixture
def figures(record_property: Callable[[str, object], None]) -> Figures:
    """Return a function that records figures by name; they are printed at the end of the run."""

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
    """Return a function that starts the page and waits until /healthz reports a state: start_app(**environment)."""
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
