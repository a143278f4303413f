"""Predict from a generator's hidden states whether the text answers the question, and whether a claim is correct.

Linear probes (Alain & Bengio 2016, arXiv:1610.01644), fitted by `python -m rag tune --probes` and `--claims`. Hidden states
carry more information than the generator's words. A probe is valid only for the model and the prompts that it was fitted with,
and sees only the state, not the sentences.
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
from rag.templates import Templates

SHIPPED = Path(__file__).parent / "probes.npz"
CLAIM_PROBE_FILE = Path(__file__).parent / "claims.npz"
FITTED_TEMPLATES = (
    *(f"judge/{name}" for name in ("system", "question", "examples.toml")),
    *(f"{language}/{name}" for language in ("en", "zh") for name in ("system", "question", "follow_up")),
    "en/system_chinese",
    "en/answer.gbnf",
)
"""The templates of the prompts after which hidden states are taken; editing one invalidates the probes."""


@dataclass(frozen=True)
class Probe:
    """A linear probe of a hidden state: weights, float32 (hidden,), and a bias."""

    weights: Vectors
    bias: float

    def log_odds(self, state: Vectors) -> float:
        """Return the log odds of what the probe predicts from a state, float32 (hidden,)."""
        return float(self.weights @ state) + self.bias


@dataclass(frozen=True)
class Probes:
    """The two probes that predict whether the text answers a question.

    judge: applied to the state at the generator's verdict on the sentences that support a draft. draft: to the state at the
    end of the draft. fits: what `fitted_to` returns for the model and prompts that they were fitted with.
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
        """Return the probes in a file."""
        held = Linear.load(path)
        judge, draft = (Probe(*pair) for pair in zip(held.weights, held.biases.tolist(), strict=True))
        return cls(judge, draft, held.fits)


def fitted_to(generator: str, templates: Templates) -> str:
    """Return the SHA-256 of what probes are fitted with: the files of a model in `weights.toml` and the texts in WORDS."""
    words = [templates.text(name) for name in FITTED_TEMPLATES]
    return hashlib.sha256("\n".join([weights.identity(generator), *words]).encode()).hexdigest()


def probes_of(generator: str, templates: Templates) -> Probes | None:
    """Return the shipped probes, None where they were fitted with another model or other prompts."""
    shipped = _shipped()
    return shipped if _fits(shipped.fits, generator, templates) else None


def claim_probe_of(generator: str, templates: Templates) -> Probe | None:
    """Return the shipped probe of whether the evidence states a claim and it answers the question; None as in `probes_of`."""
    held = _of_claims()
    return Probe(held.weights[0], float(held.biases[0])) if _fits(held.fits, generator, templates) else None


def _fits(fits: str, generator: str, templates: Templates) -> bool:
    return generator in weights.models() and fitted_to(generator, templates) == fits


@cache
def _shipped() -> Probes:
    return Probes.load(SHIPPED)


@cache
def _of_claims() -> Linear:
    return Linear.load(CLAIM_PROBE_FILE)
