"""Fit logistic models and linear probes, cross-validate them on held-out texts, and tabulate rates by threshold.

Features and labels come from `tuning.py` and `claims.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rag.grounding.probe import Probe

FOLDS = 7
STRENGTH = 10.0
"""Inverse regularisation strength (scikit-learn's C) of a model of a few signals."""
STRENGTH_OF_STATES = 0.004
"""The same for a model of a hidden state, which has far more features."""


def fit_logistic(features: Any, labels: Any, texts: Sequence[str], strength: float, counts: Any = None) -> tuple[Any, Any]:
    """Return a model fitted to all rows, and the held-out probabilities of each label, shape (rows, labels).

    texts: the text that each row is about; the folds of the cross-validation (at most FOLDS) keep the rows of a text together.
    strength: scikit-learn's C. counts: sample weights of the rows; None for 1 each.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GroupKFold, cross_val_predict

    model = LogisticRegression(C=strength, max_iter=1000)
    folds = GroupKFold(min(FOLDS, len(set(texts))))
    counted = {"sample_weight": np.ones(len(labels)) if counts is None else counts}
    held_out = cross_val_predict(model, features, labels, groups=texts, cv=folds, method="predict_proba", params=counted)
    return model.fit(features, labels, **counted), held_out


def fit_probe(states: Sequence[Any], labels: Any, texts: Sequence[str], counts: Any = None) -> tuple[Probe, Any]:
    """Return a probe fitted to hidden states, and the held-out probability of each row, shape (rows,); see `fit_logistic`."""
    features = np.array(states, np.float32)
    mean, spread = features.mean(0), features.std(0) + 1e-6
    fitted, held_out = fit_logistic((features - mean) / spread, labels, texts, STRENGTH_OF_STATES, counts)
    weights = fitted.coef_[0] / spread
    return Probe(weights.astype(np.float32), float(fitted.intercept_[0] - weights @ mean)), held_out[:, 1]


def curve(first: str, second: str, rates: Callable[[float], tuple[float, float]]) -> Iterator[str]:
    """Yield the lines of a table of two rates by threshold, from 0.05 to 0.90."""
    yield f"{'threshold':>10}{first:>18}{second:>16}"
    for threshold in np.arange(0.05, 0.95, 0.05):
        one, other = rates(threshold)
        yield f"{threshold:>10.2f}{one:>18.3f}{other:>16.3f}"
