"""A probe reads in a state what it was fitted to read, of the one model that it fits."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from rag import weights
from rag.probe import Probe, probe_of
from rag.prompting import Templates
from rag.settings import Settings

PROBE = Probe(np.array([1.0, -2.0, 0.5], np.float32), 0.25, "a hash")


@pytest.fixture
def templates() -> Templates:
    return Templates(Settings.load({}).prompts)


def test_the_log_odds_are_the_weighed_state() -> None:
    assert PROBE.log_odds(np.array([2.0, 0.5, 4.0], np.float32)) == 3.25
    assert PROBE.log_odds(np.zeros(3, np.float32)) == 0.25


def test_a_probe_is_the_same_when_it_comes_back_from_its_file(tmp_path: Path) -> None:
    PROBE.save(tmp_path / "probe.npz")
    back = Probe.load(tmp_path / "probe.npz")
    assert (back.weights.tolist(), back.bias, back.fits) == ([1.0, -2.0, 0.5], 0.25, "a hash")


def test_the_shipped_probe_fits_the_default_generator_and_the_shipped_prompt_and_no_other(templates: Templates) -> None:
    shipped = probe_of("qwen2.5-coder-1.5b", templates)
    assert shipped is not None, "the judge's prompt was edited: fit the probe anew (rag/tuned.toml says how)"
    assert shipped.weights.shape == (1536,)
    assert probe_of("qwen2.5-coder-0.5b", templates) is None
    assert probe_of("/models/qwen2.5-coder-1.5b", templates) is None


def test_a_judge_that_is_asked_in_other_words_has_no_probe(templates: Templates, tmp_path: Path) -> None:
    edited = Templates(Path(shutil.copytree(templates.folder, tmp_path / "prompts")))
    assert probe_of("qwen2.5-coder-1.5b", edited) is not None
    question = edited.folder / "judge" / "question.txt"
    question.write_text(question.read_text(encoding="utf-8") + "想一想。", encoding="utf-8")
    assert probe_of("qwen2.5-coder-1.5b", edited) is None


def test_a_generator_whose_file_is_another_has_no_probe(monkeypatch: pytest.MonkeyPatch, templates: Templates) -> None:
    monkeypatch.setattr(weights, "identity", lambda name: "another hash")
    assert probe_of("qwen2.5-coder-1.5b", templates) is None


def test_no_probe_is_read_from_a_file_that_could_run_code(tmp_path: Path) -> None:
    np.savez(tmp_path / "probe.npz", weights=np.array([print], object), bias=0.0, fits="")
    with pytest.raises(ValueError, match="allow_pickle"):
        Probe.load(tmp_path / "probe.npz")
