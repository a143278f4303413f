"""Read from a generator's hidden states whether the text answers, and whether a claim stands: they hold more than words.

Linear probes (Alain & Bengio 2016, arXiv:1610.01644), fitted by `python -m rag tune`. They fit one model alone, asked in the
words of the prompts as they were then, and know nothing of what the sentences are.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from rag import weights
from rag.embedding import Vectors
from rag.linear import Linear
from rag.prompting import Templates

SHIPPED = Path(__file__).parent / "probes.npz"
OF_CLAIMS = Path(__file__).parent / "claims.npz"
WORDS = (
    *(f"judge/{name}" for name in ("system", "question", "examples.toml")),
    *(f"{language}/{name}" for language in ("en", "zh") for name in ("system", "question", "follow_up")),
    "en/system_chinese",
    "en/answer.gbnf",
)
"""The templates of the prompts after which states are read."""


@dataclass(frozen=True)
class Probe:
    """Hold what one state is weighed with, float32 (hidden,)."""

    weights: Vectors
    bias: float

    def log_odds(self, state: Vectors) -> float:
        """Return the log odds of what it reads in a state."""
        return float(self.weights @ state) + self.bias


@dataclass(frozen=True)
class Probes:
    """Hold the probes of the two states that tell whether the text answers, and what they fit, as `fitted_to` says.

    judge: of the state in which the generator says whether the sentences behind a draft answer the question. draft: of that in
    which the draft is over.
    """

    judge: Probe
    draft: Probe
    fits: str

    def save(self, path: Path) -> None:
        """Write the probes to a file."""
        weights, biases = zip(*((probe.weights, probe.bias) for probe in (self.judge, self.draft)), strict=True)
        Linear(np.stack(weights), np.array(biases), self.fits).save(path)

    @classmethod
    def load(cls, path: Path) -> Probes:
        """Return the probes that a file holds."""
        held = Linear.load(path)
        judge, draft = (Probe(*pair) for pair in zip(held.weights, held.biases.tolist(), strict=True))
        return cls(judge, draft, held.fits)


def fitted_to(generator: str, templates: Templates) -> str:
    """Return the SHA-256 of what probes are fitted to: the files of a model of `weights.toml`, and the prompts' words."""
    words = [templates.text(name) for name in WORDS]
    return hashlib.sha256("\n".join([weights.identity(generator), *words]).encode()).hexdigest()


def probes_of(generator: str, templates: Templates) -> Probes | None:
    """Return the probes that this version ships, None where another model is asked, or in other words."""
    shipped = _shipped()
    return shipped if _fits(shipped.fits, generator, templates) else None


def claim_probe_of(generator: str, templates: Templates) -> Probe | None:
    """Return the shipped probe of whether the evidence says a claim, and it answers the question; None as `probes_of`."""
    held = _of_claims()
    return Probe(held.weights[0], float(held.biases[0])) if _fits(held.fits, generator, templates) else None


def _fits(fits: str, generator: str, templates: Templates) -> bool:
    return generator in weights.models() and fitted_to(generator, templates) == fits


@cache
def _shipped() -> Probes:
    return Probes.load(SHIPPED)


@cache
def _of_claims() -> Linear:
    return Linear.load(OF_CLAIMS)
