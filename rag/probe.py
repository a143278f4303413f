"""Read from a generator's hidden state whether sentences answer a question: it holds more than the word that follows.

A linear probe (Alain & Bengio 2016, arXiv:1610.01644), fitted by `python -m rag tune`. It fits one model alone, asked in the
words of the judge's prompt as they were then, and knows nothing of what the sentences are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rag import weights
from rag.embedding import Vectors
from rag.prompting import Templates

SHIPPED = Path(__file__).parent / "probe.npz"


@dataclass(frozen=True)
class Probe:
    """Hold what a state is weighed with, float32 (hidden,), and what it fits, as `fitted_to` says."""

    weights: Vectors
    bias: float
    fits: str

    def log_odds(self, state: Vectors) -> float:
        """Return the log odds of "these sentences answer the question", given the state after both were read."""
        return float(self.weights @ state) + self.bias

    def save(self, path: Path) -> None:
        """Write the probe to a file."""
        np.savez(path, weights=self.weights, bias=self.bias, fits=self.fits)

    @classmethod
    def load(cls, path: Path) -> Probe:
        """Return the probe that a file holds."""
        with np.load(path, allow_pickle=False) as held:
            return cls(held["weights"], float(held["bias"]), str(held["fits"]))


def fitted_to(generator: str, templates: Templates) -> str:
    """Return the SHA-256 of what a probe is fitted to: the files of a model of `weights.toml`, and the judge's prompt."""
    words = [templates.text(f"judge/{name}") for name in ("system", "question", "examples.toml")]
    return hashlib.sha256("\n".join([weights.identity(generator), *words]).encode()).hexdigest()


def probe_of(generator: str, templates: Templates) -> Probe | None:
    """Return the probe that this version ships, None where another model is asked, or in other words."""
    shipped = _shipped()
    return shipped if generator in weights.models() and fitted_to(generator, templates) == shipped.fits else None


@cache
def _shipped() -> Probe:
    return Probe.load(SHIPPED)
