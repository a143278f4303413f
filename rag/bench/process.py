"""Start pipelines in separate processes and send them requests in the protocol of `worker.py`."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from types import TracebackType
from typing import Any

from rag.errors import RagError


class Process:
    """A pipeline that runs in another process; `start_s` is the time in seconds from its start until it was ready."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "rag.bench.worker", kind], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        try:
            self._reply()
        except RagError:
            self.close()
            raise
        self.start_s = time.perf_counter() - started

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Return the reply to a request; raise RagError with the error of a pipeline that failed."""
        if self._process.stdin is None:
            raise RagError(f"The pipeline {self.kind!r} accepts no requests.")
        with contextlib.suppress(BrokenPipeError):  # the reply below reports how it ended
            self._process.stdin.write(json.dumps({"do": do, **more}, ensure_ascii=False) + "\n")
            self._process.stdin.flush()
        return self._reply()

    def close(self) -> None:
        """End the process, by force if it has not ended after 10 seconds."""
        if self._process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):  # it has already ended
                self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def __enter__(self) -> Process:
        """Return the process itself."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """End the process."""
        self.close()

    def _reply(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        if not line:
            code = self._process.wait()
            raise RagError(f"The pipeline {self.kind!r} ended with exit code {code}; its last output is above.")
        told: dict[str, Any] = json.loads(line)
        if "error" in told:
            raise RagError(f"The pipeline {self.kind!r} failed: {told['error']}")
        return told


def import_s(statement: str) -> float:
    """Return the seconds that an import takes in a new interpreter."""
    program = f"import time; start = time.perf_counter(); {statement}; print(time.perf_counter() - start)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, encoding="utf-8", check=False)
    if done.returncode:
        raise RagError(f"{statement!r} failed: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
    return float(done.stdout.split()[-1])
