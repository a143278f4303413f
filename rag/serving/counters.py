"""Count outcomes and durations for Prometheus (text exposition format 0.0.4). No question is ever stored."""

from __future__ import annotations

import threading
from collections import Counter

BUCKETS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 120.0)


class Counters:
    """Count outcomes and durations; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._outcomes: Counter[str] = Counter()
        self._buckets: Counter[tuple[str, float]] = Counter()
        self._sums: dict[str, float] = {}
        self._counts: Counter[str] = Counter()

    def outcome(self, name: str) -> None:
        """Count one question that ended as "answered", "declined", "stopped" or "broken"."""
        with self._lock:
            self._outcomes[name] += 1

    def observe(self, name: str, seconds: float) -> None:
        """Count one duration; name: for example "first_token"."""
        with self._lock:
            self._sums[name] = self._sums.get(name, 0.0) + seconds
            self._counts[name] += 1
            for bound in BUCKETS:
                if seconds <= bound:
                    self._buckets[name, bound] += 1

    def exposition(self, waiting: int = 0) -> str:
        """Return all counts as text; waiting: the current length of the queue."""
        with self._lock:
            lines = ["# TYPE rag_questions_total counter"]
            for name in ("answered", "declined", "stopped", "broken"):
                lines.append(f'rag_questions_total{{outcome="{name}"}} {self._outcomes[name]}')
            lines += ["# TYPE rag_waiting gauge", f"rag_waiting {waiting}"]
            for name in sorted(self._counts):
                lines.append(f"# TYPE rag_{name}_seconds histogram")
                lines += [f'rag_{name}_seconds_bucket{{le="{bound:g}"}} {self._buckets[name, bound]}' for bound in BUCKETS]
                lines.append(f'rag_{name}_seconds_bucket{{le="+Inf"}} {self._counts[name]}')
                lines.append(f"rag_{name}_seconds_sum {self._sums[name]!r}")
                lines.append(f"rag_{name}_seconds_count {self._counts[name]}")
        return "\n".join(lines) + "\n"
