"""A saved index can be loaded despite crashes, a full disk and concurrent saves; old builds are removed."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fakes import ARTICLE, FakeEmbedder
from filelock import FileLock
from stores import FILES, LONGEST, article, build_of, place, recipe

from rag import store as store_module
from rag.errors import IndexStoreError
from rag.store import load, rebuild, save


def test_a_saved_index_is_loaded_unchanged(store: Path) -> None:
    embedder = FakeEmbedder()
    made, _ = store_module.build(article(), embedder, LONGEST)
    found = load(store, recipe())
    assert found.documents == made.documents
    assert list(found.sentences) == list(made.sentences)
    assert list(found.passages) == list(made.passages)
    assert list(found.sentences_of_passage) == list(made.sentences_of_passage)
    np.testing.assert_array_equal(found.passage_of_row, made.passage_of_row)
    np.testing.assert_array_equal(found.row_of_sentence, made.row_of_sentence)
    np.testing.assert_array_equal(found.vectors.reconstruct_n(0, found.vectors.ntotal), made.vectors.reconstruct_n(0, 15))
    query = embedder.vector("宇樹科技")
    assert found.dense(query, 5) == made.dense(query, 5)
    assert found.lexical(["宇树", "科技"], 5) == made.lexical(["宇树", "科技"], 5) != []
    assert found.rarity("科技") == made.rarity("科技")


def test_a_build_consists_of_exactly_the_expected_files(store: Path) -> None:
    build = build_of(store)
    found = {p.relative_to(build).as_posix() for p in build.rglob("*") if p.is_file()}
    assert found == set(FILES) - {"current.json"}
    assert {p.name for p in store.iterdir()} - {"rebuild.lock"} == {"current.json", build.name}


def test_every_file_of_a_build_is_synced_to_disk_before_the_build_is_activated(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: set[int] = set()
    replace = os.replace

    def put_in_use(source: Path, target: Path) -> None:
        waited.update(synced)
        replace(source, target)

    waited: set[int] = set()
    monkeypatch.setattr(os, "fsync", lambda descriptor: synced.add(os.fstat(descriptor).st_ino))
    monkeypatch.setattr(os, "replace", put_in_use)
    rebuild(store, article("新的文章。"), FakeEmbedder(), LONGEST)
    build = build_of(store)
    assert {path.name for path in (store, build, *build.rglob("*")) if path.stat().st_ino not in waited} == set()
    assert (store / "current.json").stat().st_ino in waited


def test_a_crash_while_saving_leaves_the_old_index_in_use(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(os, "replace", crash)
        rebuild(store, article("新的文章。"), FakeEmbedder(), LONGEST)
    assert load(store, recipe()).documents[0].text == ARTICLE
    rebuild(store, article("新的文章。"), FakeEmbedder(), LONGEST)
    assert load(store, recipe("新的文章。")).documents[0].text == "新的文章。"
    assert [p.name for p in store.iterdir() if p.is_dir()] == [build_of(store).name]


@pytest.mark.parametrize("where", ["_write", "_sync"])
def test_a_full_disk_while_saving_keeps_the_old_index_and_leaves_no_partial_files(
    store: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = {p.name for p in store.iterdir()}
    with monkeypatch.context() as patch, pytest.raises(IndexStoreError) as error:
        patch.setattr(store_module, where, full)
        rebuild(store, article("新的文章。"), FakeEmbedder(), LONGEST)
    assert str(error.value) == (
        f"The index cannot be written to {store} (No space left on device); free space or allow writing there, or set "
        "RAG_STORE to another folder."
    )
    assert {p.name for p in store.iterdir()} == before
    load(store, recipe())


def test_a_store_that_cannot_be_created_raises_an_error_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(IndexStoreError) as error:
        rebuild(tmp_path / "file" / "store", article(), FakeEmbedder(), LONGEST)
    assert str(error.value) == (
        f"The index cannot be written to {tmp_path / 'file' / 'store'} (Not a directory); set RAG_STORE."
    )


def test_a_rebuild_waits_while_another_holds_the_lock(store: Path) -> None:
    done = threading.Event()

    def work() -> None:
        rebuild(store, article("新的文章。"), FakeEmbedder(), LONGEST)
        done.set()

    with FileLock(store / "rebuild.lock"):
        worker = threading.Thread(target=work)
        worker.start()
        assert not done.wait(0.15)
        load(store, recipe())
    worker.join(timeout=5)
    assert done.is_set()
    load(store, recipe("新的文章。"))


def test_only_one_of_two_concurrent_rebuilds_embeds_the_texts(tmp_path: Path) -> None:
    counts: list[int] = []
    start = threading.Barrier(2)

    def work() -> None:
        start.wait()
        counts.append(rebuild(tmp_path / "store", article(), FakeEmbedder(), LONGEST).embedded)

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(timeout=10)
    assert sorted(counts) == [0, 15]


def test_characters_outside_the_basic_multilingual_plane_are_stored_unchanged(tmp_path: Path) -> None:
    odd = "𠀀很好😀。\n𠀀好。"
    rebuild(tmp_path, article(odd), FakeEmbedder(), LONGEST)
    assert load(tmp_path, recipe(odd)).documents[0].text == odd


def test_saving_removes_older_builds_and_nothing_else(store: Path) -> None:
    for name in ("0123456789ab", "holiday photos"):
        (store / name).mkdir()
    index = load(store, recipe())
    save(store, index, recipe())
    assert {p.name for p in store.iterdir() if p.is_dir()} == {build_of(store).name, "holiday photos"}


def test_a_rebuild_without_changes_removes_what_a_crash_left(store: Path) -> None:
    (store / "0123456789ab").mkdir()
    assert rebuild(store, article(), FakeEmbedder(), LONGEST).embedded == 0
    assert [p.name for p in store.iterdir() if p.is_dir()] == [build_of(store).name]


@pytest.mark.parametrize("name", [name for name in FILES if name != "current.json"])
def test_loading_succeeds_while_another_process_activates_a_new_build(
    store: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened, late = place(store, name), []
    read = store_module._blocks

    def save_meanwhile(path: Path) -> Iterator[bytes]:
        if path == opened and not late:
            late.append(path)
            save(store, store_module.build(article(), FakeEmbedder(), LONGEST)[0], recipe())
        return read(path)

    monkeypatch.setattr(store_module, "_blocks", save_meanwhile)
    assert load(store, recipe()).documents[0].text == ARTICLE
    assert late == [opened] and not opened.exists()


def test_loading_succeeds_if_a_new_build_is_activated_between_verification_and_reading(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, late = store_module._read, []

    def save_meanwhile(folder: Path) -> store_module.Index:
        if not late:
            late.append(folder)
            save(store, store_module.build(article(), FakeEmbedder(), LONGEST)[0], recipe())
        return read(folder)

    monkeypatch.setattr(store_module, "_read", save_meanwhile)
    assert load(store, recipe()).documents[0].text == ARTICLE
    assert late and not late[0].exists()
