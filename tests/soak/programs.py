"""Run the project's programs in separate processes, and inspect them from outside."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[2]
SCRIPTED = Path(__file__).parent / "scripted.py"
Amount = Callable[[float, float], float]
Figures = Callable[..., None]


@dataclass(frozen=True)
class Scripted:
    """Start the project's programs in separate processes and folders, with scripted models or (real) with the real ones."""

    folder: Path
    real: bool = False

    def start(self, program: str, *arguments: str, **variables: object) -> subprocess.Popen[str]:
        """Start a program; its output goes to `<folder>/<program>.log`."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith("RAG_") or name == "RAG_WEIGHTS"}
        own = {
            "RAG_CORPUS": self.folder / "corpus",
            "RAG_STORE": self.folder / "store",
            "RAG_READ_AHEAD": 0,
            "XDG_CACHE_HOME": self.folder / "cache",
        }
        environment = kept | {name: str(value) for name, value in (own | variables).items()}
        command = [sys.executable, *([str(ROOT / program)] if self.real else [str(SCRIPTED), program]), *arguments]
        with self.log(program).open("ab") as log:
            return subprocess.Popen(command, env=environment, stdout=log, stderr=log, text=True, preexec_fn=_heed_interrupts)

    def log(self, program: str) -> Path:
        """Return the path of a program's log."""
        return self.folder / f"{Path(program).stem}.log"


def _heed_interrupts() -> None:
    """Restore SIGINT, which these tests send: shells ignore it in background jobs, and a child process inherits that."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@dataclass(frozen=True)
class App:
    """A page that is served by a separate process."""

    process: subprocess.Popen[str]
    url: str
    log: Path

    @property
    def resident(self) -> int:
        """Return the resident memory of the process in bytes."""
        return int(self._status("VmRSS")) * 1024

    @property
    def threads(self) -> int:
        """Return the number of its threads."""
        return int(self._status("Threads"))

    @property
    def handles(self) -> int:
        """Return the number of its open files and sockets."""
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def _status(self, name: str) -> str:
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(line.split()[1] for line in lines if line.startswith(f"{name}:"))

    def metric(self, name: str) -> float:
        """Return the value of a metric of /metrics."""
        lines = httpx.get(f"{self.url}/metrics", timeout=10).text.splitlines()
        return float(next(line.rsplit(" ", 1)[1] for line in lines if line.startswith(f"{name} ")))
