"""Probes read in states what they were fitted to read, of the one model that they fit."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag import weights
from rag.grounding import probe
from rag.grounding.probe import Probe, Probes, claim_probe_of, probes_of
from rag.settings import Settings
from rag.templates import Templates

PROBE = Probe(np.array([1.0, -2.0, 0.5], np.float32), 0.25)


@pytest.fixture
def templates() -> Templates:
    return Templates(Settings.load({}).prompts)


def test_the_log_odds_are_the_weighed_state() -> None:
    assert PROBE.log_odds(np.array([2.0, 0.5, 4.0], np.float32)) == 3.25
    assert PROBE.log_odds(np.zeros(3, np.float32)) == 0.25


def test_probes_are_the_same_when_they_come_back_from_their_file(tmp_path: Path) -> None:
    Probes(PROBE, Probe(np.array([0.5, 0.0, 4.0], np.float32), -1.5), "a hash").save(tmp_path / "probes.npz")
    back = Probes.load(tmp_path / "probes.npz")
    assert (back.judge.weights.tolist(), back.judge.bias) == ([1.0, -2.0, 0.5], 0.25)
    assert (back.draft.weights.tolist(), back.draft.bias, back.fits) == ([0.5, 0.0, 4.0], -1.5, "a hash")


def test_the_shipped_probes_fit_the_default_generator_and_the_shipped_prompts_and_no_other(templates: Templates) -> None:
    shipped = probes_of("qwen2.5-coder-1.5b", templates)
    assert shipped is not None, "a prompt was edited: fit the probes anew (rag/tuned.toml says how)"
    of_claims = claim_probe_of("qwen2.5-coder-1.5b", templates)
    assert of_claims is not None, "a prompt was edited: fit the probe of claims anew (rag/tuned.toml says how)"
    assert shipped.judge.weights.shape == shipped.draft.weights.shape == of_claims.weights.shape == (1536,)
    for other in ("qwen2.5-coder-0.5b", "/models/qwen2.5-coder-1.5b"):
        assert probes_of(other, templates) is claim_probe_of(other, templates) is None


@pytest.mark.parametrize("edited", probe.WORDS)
def test_a_generator_that_is_asked_in_other_words_has_no_probes(templates: Templates, tmp_path: Path, edited: str) -> None:
    own = Templates(Path(shutil.copytree(templates.folder, tmp_path / "prompts")))
    assert probes_of("qwen2.5-coder-1.5b", own) is not None
    path = own.folder / (edited if "." in edited else f"{edited}.txt")
    path.write_text(path.read_text(encoding="utf-8") + "# 想一想。", encoding="utf-8")
    assert probes_of("qwen2.5-coder-1.5b", own) is claim_probe_of("qwen2.5-coder-1.5b", own) is None


def test_a_generator_whose_file_is_another_has_no_probes(monkeypatch: pytest.MonkeyPatch, templates: Templates) -> None:
    monkeypatch.setattr(weights, "identity", lambda name: "another hash")
    assert probes_of("qwen2.5-coder-1.5b", templates) is None


def test_no_probe_is_read_from_a_file_that_could_run_code(tmp_path: Path) -> None:
    np.savez(tmp_path / "probes.npz", weights=np.array([print], object), biases=np.zeros(2), fits="")
    with pytest.raises(ValueError, match="allow_pickle"):
        Probes.load(tmp_path / "probes.npz")
