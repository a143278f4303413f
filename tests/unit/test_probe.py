"""A probe reads in a state what it was fitted to read, of the one model that it fits."""

from pathlib import Path

import numpy as np
import pytest

from rag import weights
from rag.probe import Probe, probe_of

PROBE = Probe(np.array([1.0, -2.0, 0.5], np.float32), 0.25, "a model's hash")


def test_the_log_odds_are_the_weighed_state() -> None:
    assert PROBE.log_odds(np.array([2.0, 0.5, 4.0], np.float32)) == 3.25
    assert PROBE.log_odds(np.zeros(3, np.float32)) == 0.25


def test_a_probe_is_the_same_when_it_comes_back_from_its_file(tmp_path: Path) -> None:
    PROBE.save(tmp_path / "probe.npz")
    back = Probe.load(tmp_path / "probe.npz")
    assert (back.weights.tolist(), back.bias, back.model) == ([1.0, -2.0, 0.5], 0.25, "a model's hash")


def test_the_shipped_probe_fits_the_generator_that_is_the_default_and_no_other() -> None:
    shipped = probe_of("qwen2.5-coder-1.5b")
    assert shipped is not None and shipped.weights.shape == (1536,)
    assert probe_of("qwen2.5-coder-0.5b") is None
    assert probe_of("/models/qwen2.5-coder-1.5b") is None


def test_a_generator_whose_file_is_another_has_no_probe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "identity", lambda name: "another hash")
    assert probe_of("qwen2.5-coder-1.5b") is None


def test_no_probe_is_read_from_a_file_that_could_run_code(tmp_path: Path) -> None:
    np.savez(tmp_path / "probe.npz", weights=np.array([print], object), bias=0.0, model="")
    with pytest.raises(ValueError, match="allow_pickle"):
        Probe.load(tmp_path / "probe.npz")
