"""Linear probes of hidden states, and the model and prompts with which the shipped ones are used."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag import weights
from rag.grounding import probe
from rag.grounding.probe import Probe, Probes, shipped_probes
from rag.settings import Settings
from rag.templates import Templates

PROBE = Probe(np.array([1.0, -2.0, 0.5], np.float32), 0.25)


@pytest.fixture
def templates() -> Templates:
    return Templates(Settings.load({}).prompts)


def test_the_log_odds_are_the_weighted_sum_of_the_state_plus_the_bias() -> None:
    assert PROBE.log_odds(np.array([2.0, 0.5, 4.0], np.float32)) == 3.25
    assert PROBE.log_odds(np.zeros(3, np.float32)) == 0.25


def test_saved_probes_load_unchanged(tmp_path: Path) -> None:
    Probes(PROBE, Probe(np.array([0.5, 0.0, 4.0], np.float32), -1.5), "a hash").save(tmp_path / "probes.npz")
    back = Probes.load(tmp_path / "probes.npz")
    assert (back.judge.weights.tolist(), back.judge.bias) == ([1.0, -2.0, 0.5], 0.25)
    assert (back.draft.weights.tolist(), back.draft.bias, back.fits) == ([0.5, 0.0, 4.0], -1.5, "a hash")


def test_the_shipped_probes_are_used_for_the_default_generator_and_for_no_other(templates: Templates) -> None:
    shipped, of_claims = shipped_probes("qwen2.5-coder-1.5b", templates)
    assert shipped is not None, "a prompt was edited: fit the probes anew (rag/tuned.toml says how)"
    assert of_claims is not None, "a prompt was edited: fit the probe of claims anew (rag/tuned.toml says how)"
    assert shipped.judge.weights.shape == shipped.draft.weights.shape == of_claims.weights.shape == (1536,)
    for other in ("qwen2.5-coder-0.5b", "/models/qwen2.5-coder-1.5b"):
        assert shipped_probes(other, templates) == (None, None)


@pytest.mark.parametrize("edited", probe.FITTED_TEMPLATES)
def test_no_probes_are_used_if_a_prompt_was_edited(templates: Templates, tmp_path: Path, edited: str) -> None:
    own = Templates(Path(shutil.copytree(templates.folder, tmp_path / "prompts")))
    assert None not in shipped_probes("qwen2.5-coder-1.5b", own)
    path = own.folder / (edited if "." in edited else f"{edited}.txt")
    path.write_text(path.read_text(encoding="utf-8") + "# 想一想。", encoding="utf-8")
    assert shipped_probes("qwen2.5-coder-1.5b", own) == (None, None)


def test_no_probes_are_used_for_another_model_file(monkeypatch: pytest.MonkeyPatch, templates: Templates) -> None:
    monkeypatch.setattr(weights, "identity", lambda name: "another hash")
    assert shipped_probes("qwen2.5-coder-1.5b", templates) == (None, None)


def test_loading_probes_from_a_file_with_pickled_objects_raises_an_error(tmp_path: Path) -> None:
    np.savez(tmp_path / "probes.npz", weights=np.array([print], object), biases=np.zeros(2), fits="")
    with pytest.raises(ValueError, match="allow_pickle"):
        Probes.load(tmp_path / "probes.npz")
