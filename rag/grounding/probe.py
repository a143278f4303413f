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
    """Return the SHA-256 of what probes are fitted with: a model's files, by `weights.toml`, and FITTED_TEMPLATES."""
    words = [templates.text(name) for name in FITTED_TEMPLATES]
    return hashlib.sha256("\n".join([weights.identity(generator), *words]).encode()).hexdigest()


def shipped_probes(generator: str, templates: Templates) -> tuple[Probes | None, Probe | None]:
    """Return the shipped probes of the gate and the one of claims: whether the evidence states one and it answers the question.

    None for those that were fitted with another model or other prompts.
    """
    if generator not in weights.models():
        return None, None
    current = fitted_to(generator, templates)
    gate, claims = _shipped(), _of_claims()
    claim_probe = Probe(claims.weights[0], float(claims.biases[0]))
    return gate if gate.fits == current else None, claim_probe if claims.fits == current else None


@cache
def _shipped() -> Probes:
    return Probes.load(SHIPPED)


@cache
def _of_claims() -> Linear:
    return Linear.load(CLAIM_PROBE_FILE)
