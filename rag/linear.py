"""Hold the weights of a fitted linear model, in memory and in a file without pickle; what it predicts is its user's to know."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from rag.embedding import Vectors

Model = TypeVar("Model", bound="Linear")


@dataclass(frozen=True)
class Linear:
    """Hold one row of weights, float32 (rows, dimensions), and one bias (rows,), for each thing that is predicted.

    fits: the identity of what makes the vectors that it was fitted to.
    """

    weights: Vectors
    biases: Vectors
    fits: str

    def save(self, path: Path) -> None:
        """Write the model to a file."""
        with path.open("wb") as file:
            np.savez(file, weights=self.weights, biases=self.biases, fits=self.fits)

    @classmethod
    def load(cls: type[Model], path: Path) -> Model:
        """Return the model that a file holds."""
        with np.load(path, allow_pickle=False) as held:
            return cls(held["weights"], held["biases"], str(held["fits"]))


def logistic(score: float) -> float:
    """Return the probability of which a score is the log odds; written so that none can run over."""
    return 0.5 + 0.5 * math.tanh(score / 2)
