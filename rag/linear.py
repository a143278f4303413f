"""Keep the weights of a fitted linear model in memory and, without pickle, in a file.

What a model predicts is defined by the modules that use it.
"""

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
    """A linear model with a row of weights, float32 (rows, dimensions), and a bias, (rows,), for each output.

    fits: identity of what produced the vectors that it was fitted to, such as a hash of the embedder's files.
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
        """Load a model from a file."""
        with np.load(path, allow_pickle=False) as held:
            return cls(held["weights"], held["biases"], str(held["fits"]))


def logistic(score: float) -> float:
    """Return the probability whose log odds are the score; it cannot overflow."""
    return 0.5 + 0.5 * math.tanh(score / 2)
