import json
import os
import pickle
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import IO

import numpy as np
import pytest
from fakes import ARTICLE, FakeEmbedder
from filelock import FileLock

from rag import index as index_module
from rag import store as store_module
from rag.documents import Document
from rag.errors import IndexStoreError
from rag.store import FORMAT, Recipe, load, rebuild, save

LONGEST = 100
FILES = (
    *("current.json", "manifest.json", "documents.json", "vectors.faiss"),
    *("sentences.npy", "passages.npy", "members.npy", "owners.npy", "rows.npy"),
    *(f"terms/{part}" for part in ("data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy")),
    *("terms/params.index.json", "terms/vocab.index.json"),
)
MEND = "; run python index/rebuild.py, or set RAG_REBUILD=auto."


def article(text: str = ARTICLE) -> list[Document]:
    return [Document("article.txt", text)]


def recipe(text: str = ARTICLE, identity: str = "bigrams", longest: int = LONGEST) -> Recipe:
    return Recipe.of(article(text), identity, longest)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("built") / "store"
    rebuild(made, article(), FakeEmbedder(), LONGEST)
    return made


@pytest.fixture
def store(built: Path, tmp_path: Path) -> Path:
    """Return a store of the test's own."""
    return Path(shutil.copytree(built, tmp_path / "store"))


def build_of(store: Path) -> Path:
    return store / json.loads((store / "current.json").read_text())["build"]


def place(store: Path, name: str) -> Path:
    return store / name if name == "current.json" else build_of(store) / name


def failure(store: Path, wanted: Recipe | None = None) -> str:
    with pytest.raises(IndexStoreError) as error:
        load(store, wanted or recipe())
    return str(error.value)


def test_what_was_saved_is_loaded_again(store: Path) -> None:
    embedder = FakeEmbedder()
    made, _ = store_module.build(article(), embedder, LONGEST)
    found = load(store, recipe())
    assert found.documents == made.documents
    assert found.sentences == made.sentences
    assert found.passages == made.passages
    assert found.members == made.members
    np.testing.assert_array_equal(found.owners, made.owners)
    np.testing.assert_array_equal(found.rows, made.rows)
    np.testing.assert_array_equal(found.vectors.reconstruct_n(0, found.vectors.ntotal), made.vectors.reconstruct_n(0, 15))
    query = embedder.vector("宇樹科技")
    assert found.dense(query, 5) == made.dense(query, 5)
    assert found.lexical(["宇树", "科技"], 5) == made.lexical(["宇树", "科技"], 5) != []
    assert found.rarity("科技") == made.rarity("科技")


def test_a_build_holds_these_files_and_nothing_else(store: Path) -> None:
    build = build_of(store)
    found = {p.relative_to(build).as_posix() for p in build.rglob("*") if p.is_file()}
    assert found == set(FILES) - {"current.json"}
    assert {p.name for p in store.iterdir()} - {"rebuild.lock"} == {"current.json", build.name}


def test_an_unchanged_article_is_not_embedded_again(store: Path) -> None:
    embedder = FakeEmbedder()
    before = (store / "current.json").read_bytes()
    done = rebuild(store, article(), embedder, LONGEST)
    assert (done.why, done.embedded, embedder.embedded) == ("", 0, [])
    assert (done.passages, done.sentences, done.rows) == (5, 10, 15)
    assert (store / "current.json").read_bytes() == before


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n\0")


@pytest.mark.parametrize("harm", [truncate, empty, flip, lengthen, Path.unlink], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("name", FILES)
def test_a_harmed_file_is_named_and_a_rebuild_mends_it(store: Path, name: str, harm: Callable[[Path], None]) -> None:
    path = place(store, name)
    harm(path)
    said = failure(store)
    assert "The index file" in said and said.endswith(MEND)
    if name == "current.json" and harm is flip:  # a pointer to another build or manifest: that one is named
        assert str(store) in said
    else:
        assert said.startswith(f"The index file {path} is {'missing' if harm is Path.unlink else 'damaged'}")
    done = rebuild(store, article(), FakeEmbedder(), LONGEST)
    assert f"{done.why}{MEND}" == said
    assert load(store, recipe()).passages[0].text.startswith("杭州的人工智能")


def test_a_damaged_file_is_told_by_both_hashes(store: Path) -> None:
    path = place(store, "documents.json")
    expected = json.loads((build_of(store) / "manifest.json").read_text())["files"]["documents.json"]
    path.write_bytes(b"")
    assert failure(store) == f"The index file {path} is damaged: SHA-256 e3b0c44298fc…, expected {expected[:12]}…{MEND}"


def test_files_that_changed_places_are_told(store: Path) -> None:
    rows, owners = place(store, "rows.npy"), place(store, "owners.npy")
    kept = rows.read_bytes()
    rows.write_bytes(owners.read_bytes())
    owners.write_bytes(kept)
    assert f"{owners} is damaged" in failure(store) or f"{rows} is damaged" in failure(store)
    rebuild(store, article(), FakeEmbedder(), LONGEST)
    load(store, recipe())


def test_a_file_of_another_index_is_told(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    rebuild(other, article("別的文章。\n第二段。"), FakeEmbedder(), LONGEST)
    shutil.copy(place(other, "vectors.faiss"), place(store, "vectors.faiss"))
    assert failure(store).startswith(f"The index file {place(store, 'vectors.faiss')} is damaged: SHA-256 ")
    shutil.copy(place(other, "manifest.json"), place(store, "manifest.json"))
    assert failure(store).startswith(f"The index file {place(store, 'manifest.json')} is damaged: SHA-256 ")


@pytest.mark.parametrize("pointer", ["[]", "{}", '{"build": "x"}', "7", "null"])
def test_a_pointer_that_names_no_build_is_damaged(store: Path, pointer: str) -> None:
    (store / "current.json").write_text(pointer)
    assert failure(store) == f"The index file {store / 'current.json'} is damaged: it names no build{MEND}"


def test_a_pointer_cannot_lead_out_of_the_store(store: Path, tmp_path: Path) -> None:
    pointer = json.loads((store / "current.json").read_text())
    shutil.move(build_of(store), tmp_path / "outside")
    (store / "current.json").write_text(json.dumps(pointer | {"build": "../outside"}))
    assert failure(store) == f"The index file {store / 'outside' / 'manifest.json'} is missing{MEND}"


def test_a_store_that_was_never_built_says_which_file_is_missing(tmp_path: Path) -> None:
    assert failure(tmp_path) == f"The index file {tmp_path / 'current.json'} is missing{MEND}"


def test_a_changed_source_makes_the_index_stale(store: Path) -> None:
    said = f"The index in {build_of(store)} is stale: the source article.txt has changed{MEND}"
    assert failure(store, recipe(ARTICLE + "新的一句。")) == said


def test_an_added_or_removed_source_makes_the_index_stale(store: Path) -> None:
    more = [*article(), Document("more.txt", "更多。")]
    assert failure(store, Recipe.of(more, "bigrams", LONGEST)).endswith(f"the source more.txt has changed{MEND}")
    rebuild(store, more, FakeEmbedder(), LONGEST)
    assert failure(store).endswith(f"is stale: the source more.txt has changed{MEND}")


def test_another_embedder_makes_the_index_stale(store: Path) -> None:
    said = failure(store, recipe(identity="another-embedder"))
    assert said == f"The index in {build_of(store)} is stale: it was made by embedder bigrams…, not another-embe…{MEND}"


def test_another_length_of_passages_makes_the_index_stale(store: Path) -> None:
    said = failure(store, recipe(longest=50))
    assert said == f"The index in {build_of(store)} is stale: its passages have up to 100 characters, not 50{MEND}"


def test_another_format_is_told_with_both_numbers(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store_module, "FORMAT", FORMAT + 1)
    assert failure(store) == f"The index in {build_of(store)} has format {FORMAT}; expected {FORMAT + 1}{MEND}"
    rebuild(store, article(), FakeEmbedder(), LONGEST)
    load(store, recipe())


def test_an_edit_of_one_sentence_embeds_only_what_it_touches(store: Path) -> None:
    embedder = FakeEmbedder()
    edited = ARTICLE.replace("跳了舞", "扭了秧歌")
    done = rebuild(store, article(edited), embedder, LONGEST)
    touched = "宇樹科技的機器人在春節晚會上扭了秧歌。"
    assert embedder.embedded == [touched + "王興興是宇樹科技的創始人。", touched]
    assert (done.embedded, done.rows) == (2, 15)
    assert (
        done.why == f"The index in {store / done.why.split('/')[-1].split(' ')[0]} is stale: the source article.txt has changed"
    )
    fresh, _ = store_module.build(article(edited), FakeEmbedder(), LONGEST)
    found = load(store, recipe(edited))
    np.testing.assert_array_equal(found.vectors.reconstruct_n(0, 15), fresh.vectors.reconstruct_n(0, 15))


def test_many_vectors_are_stored_as_codes_and_taken_over_by_a_rebuild_without_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "EXACT_UP_TO", 100)
    many = "".join(f"第{number}家企業在{number * 37 % 101}號街，做第{number * 53 % 211}種生意。\n" for number in range(300))
    rebuild(tmp_path, article(many), FakeEmbedder(dimensions=32), LONGEST)
    before = load(tmp_path, recipe(many)).vectors
    assert (type(before).__name__, before.ntotal) == ("IndexRefine", 300)
    kept = before.reconstruct_n(0, 300)
    embedder = FakeEmbedder(dimensions=32)
    assert rebuild(tmp_path, article(many + "新的一家。"), embedder, LONGEST).embedded == 1
    assert embedder.embedded == ["新的一家。"]
    np.testing.assert_array_equal(load(tmp_path, recipe(many + "新的一家。")).vectors.reconstruct_n(0, 300), kept)


def test_vectors_of_another_embedder_are_not_taken_over(store: Path) -> None:
    embedder = FakeEmbedder(identity="another")
    assert rebuild(store, article(), embedder, LONGEST).embedded == 15
    assert len(embedder.embedded) == 15


def test_vectors_are_taken_over_when_only_the_length_of_passages_changed(store: Path) -> None:
    embedder = FakeEmbedder()
    done = rebuild(store, article(), embedder, longest=5)
    assert (done.embedded, done.passages, done.rows) == (0, 10, 10)


def test_an_index_with_pickled_objects_cannot_be_loaded(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(store / "harmed"),)

    monkeypatch.setattr(store_module, "_verify", lambda path, found, expected: None)  # as if the hashes were forged
    for name in ("owners.npy", "terms/data.csc.index.npy"):
        kept = place(store, name).read_bytes()
        np.save(place(store, name), np.array([Harm()], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match=r"allow_pickle=False|Python objects"):
            load(store, recipe())
        place(store, name).write_bytes(kept)
    assert not (store / "harmed").exists()
    for path in build_of(store).rglob("*.npy"):
        with pytest.raises((pickle.UnpicklingError, ValueError, KeyError, IndexError, EOFError)):
            pickle.loads(path.read_bytes())


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


@pytest.mark.parametrize("where", ["_write", "_durable"])
def test_a_full_disk_while_saving_leaves_the_old_index_and_no_leavings(
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


def test_a_store_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
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


def test_of_two_rebuilds_at_once_one_embeds_and_the_other_finds_it_done(tmp_path: Path) -> None:
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


def test_characters_beyond_the_basic_plane_are_kept(tmp_path: Path) -> None:
    odd = "𠀀很好😀。\n𠀀好。"
    rebuild(tmp_path, article(odd), FakeEmbedder(), LONGEST)
    assert load(tmp_path, recipe(odd)).documents[0].text == odd


def test_saving_removes_the_builds_before_and_nothing_else(store: Path) -> None:
    for name in ("0123456789ab", "holiday photos"):
        (store / name).mkdir()
    index = load(store, recipe())
    save(store, index, recipe())
    assert {p.name for p in store.iterdir() if p.is_dir()} == {build_of(store).name, "holiday photos"}


def test_what_a_crash_left_is_removed_by_a_rebuild_that_finds_nothing_to_do(store: Path) -> None:
    (store / "0123456789ab").mkdir()
    assert rebuild(store, article(), FakeEmbedder(), LONGEST).embedded == 0
    assert [p.name for p in store.iterdir() if p.is_dir()] == [build_of(store).name]


@pytest.mark.parametrize("name", [name for name in FILES if name != "current.json"])
def test_a_reader_meets_no_gap_when_another_process_puts_a_new_build_in_use(
    store: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    opened, late = place(store, name), []
    read = store_module._open

    def save_meanwhile(path: Path) -> IO[bytes]:
        if path == opened and not late:
            late.append(path)
            save(store, store_module.build(article(), FakeEmbedder(), LONGEST)[0], recipe())
        return read(path)

    monkeypatch.setattr(store_module, "_open", save_meanwhile)
    assert load(store, recipe()).documents[0].text == ARTICLE
    assert late == [opened] and not opened.exists()


def test_a_reader_meets_no_gap_between_the_check_and_the_reading(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read, late = store_module._read, []

    def save_meanwhile(folder: Path) -> store_module.Index:
        if not late:
            late.append(folder)
            save(store, store_module.build(article(), FakeEmbedder(), LONGEST)[0], recipe())
        return read(folder)

    monkeypatch.setattr(store_module, "_read", save_meanwhile)
    assert load(store, recipe()).documents[0].text == ARTICLE
    assert late and not late[0].exists()
