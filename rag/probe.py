"""Read from a generator's hidden state whether sentences answer a question: it holds more than the word that follows.

A linear probe (Alain & Bengio 2016, arXiv:1610.01644), fitted by `python -m rag tune`. It fits the one model whose states it
was fitted on, and knows nothing of what the sentences are.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rag import weights
from rag.embedding import Vectors

SHIPPED = Path(__file__).parent / "probe.npz"


@dataclass(frozen=True)
class Probe:
    """Hold what a state is weighed with, float32 (hidden,), and the SHA-256 of the model that it fits."""

    weights: Vectors
    bias: float
    model: str

    def log_odds(self, state: Vectors) -> float:
        """Return the log odds of "these sentences answer the question", given the state after both were read."""
        return float(self.weights @ state) + self.bias

    def save(self, path: Path) -> None:
        """Write the probe to a file."""
        np.savez(path, weights=self.weights, bias=self.bias, model=self.model)

    @classmethod
    def load(cls, path: Path) -> Probe:
        """Return the probe that a file holds."""
        with np.load(path, allow_pickle=False) as held:
            return cls(held["weights"], float(held["bias"]), str(held["model"]))


def probe_of(generator: str) -> Probe | None:
    """Return the probe that this version ships for a model of `weights.toml`, None for every other."""
    shipped = _shipped()
    return shipped if generator in weights.models() and weights.identity(generator) == shipped.model else None


@cache
def _shipped() -> Probe:
    return Probe.load(SHIPPED)
