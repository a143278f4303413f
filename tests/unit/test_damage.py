"""A damaged, missing or foreign index file is named in the error and never searched, and a rebuild repairs the index."""

import json
import os
import pickle
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEmbedder
from stores import FILES, LONGEST, REMEDY, article, build_of, failure, place, recipe, replace

from rag import store as store_module
from rag.store import load, rebuild


def truncate(path: Path) -> None:
    replace(path, path.read_bytes()[:-1])


def empty(path: Path) -> None:
    replace(path, b"")


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    replace(path, bytes(data))


def lengthen(path: Path) -> None:
    replace(path, path.read_bytes() + b"\n\0")


@pytest.mark.parametrize("harm", [truncate, empty, flip, lengthen, Path.unlink], ids=lambda harm: harm.__name__)
@pytest.mark.parametrize("name", FILES)
def test_a_damaged_or_missing_file_is_named_in_the_error_and_a_rebuild_repairs_it(
    store: Path, name: str, harm: Callable[[Path], None]
) -> None:
    path = place(store, name)
    harm(path)
    said = failure(store)
    assert "The index file" in said and said.endswith(REMEDY)
    if name == "current.json" and harm is flip:  # the pointer may now refer to another file, which is then named
        assert str(store) in said
    else:
        assert said.startswith(f"The index file {path} is {'missing' if harm is Path.unlink else 'damaged'}")
    done = rebuild(store, article(), FakeEmbedder(), LONGEST)
    assert f"{done.why}{REMEDY}" == said
    assert load(store, recipe()).passages[0].text.startswith("杭州的人工智能")


def test_the_error_for_a_damaged_file_has_the_actual_and_the_expected_hash(store: Path) -> None:
    path = place(store, "documents.json")
    expected = json.loads((build_of(store) / "manifest.json").read_text())["files"]["documents.json"]
    replace(path, b"")
    assert failure(store) == f"The index file {path} is damaged: SHA-256 e3b0c44298fc…, expected {expected[:12]}…{REMEDY}"


def test_swapped_files_are_detected_and_a_rebuild_repairs_them(store: Path) -> None:
    rows, passage_of_row = place(store, "rows.npy"), place(store, "owners.npy")
    kept = rows.read_bytes()
    replace(rows, passage_of_row.read_bytes())
    replace(passage_of_row, kept)
    assert f"{passage_of_row} is damaged" in failure(store) or f"{rows} is damaged" in failure(store)
    rebuild(store, article(), FakeEmbedder(), LONGEST)
    load(store, recipe())


def test_a_file_of_another_index_is_reported_as_damaged(store: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    rebuild(other, article("別的文章。\n第二段。"), FakeEmbedder(), LONGEST)
    replace(place(store, "vectors.faiss"), place(other, "vectors.faiss").read_bytes())
    assert failure(store).startswith(f"The index file {place(store, 'vectors.faiss')} is damaged: SHA-256 ")
    replace(place(store, "manifest.json"), place(other, "manifest.json").read_bytes())
    assert failure(store).startswith(f"The index file {place(store, 'manifest.json')} is damaged: SHA-256 ")


@pytest.mark.parametrize("pointer", ["[]", "{}", '{"build": "x"}', "7", "null"])
def test_a_malformed_pointer_file_is_reported_as_damaged(store: Path, pointer: str) -> None:
    replace(store / "current.json", pointer.encode())
    assert failure(store) == f"The index file {store / 'current.json'} is damaged: it names no build{REMEDY}"


@pytest.mark.parametrize("build", ["x", "\0", "0123456789ab/..", 7])
def test_a_pointer_to_an_invalid_build_name_is_reported_as_damaged(store: Path, build: object) -> None:
    replace(store / "current.json", json.dumps({"build": build, "manifest": "x"}).encode())
    assert failure(store) == f"The index file {store / 'current.json'} is damaged: it names the build {build!r}{REMEDY}"


def test_deeply_nested_json_is_reported_as_damaged_and_a_rebuild_repairs_it(store: Path) -> None:
    replace(store / "current.json", b"[" * 100_000)
    assert failure(store) == f"The index file {store / 'current.json'} is damaged: it is not JSON{REMEDY}"
    rebuild(store, article(), FakeEmbedder(), LONGEST)
    load(store, recipe())


def test_a_pointer_to_a_folder_outside_the_store_is_reported_as_damaged(store: Path, tmp_path: Path) -> None:
    pointer = json.loads((store / "current.json").read_text())
    shutil.move(build_of(store), tmp_path / "outside")
    replace(store / "current.json", json.dumps(pointer | {"build": "../outside"}).encode())
    assert failure(store) == f"The index file {store / 'current.json'} is damaged: it names the build '../outside'{REMEDY}"


def test_an_empty_store_is_reported_with_the_missing_pointer_file(tmp_path: Path) -> None:
    assert failure(tmp_path) == f"The index file {tmp_path / 'current.json'} is missing{REMEDY}"


def test_an_index_with_pickled_objects_is_rejected_and_runs_no_code(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Harm:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(store / "harmed"),)

    monkeypatch.setattr(store_module, "_verify", lambda path, found, expected: None)  # as if the hashes were forged
    for name in ("owners.npy", "terms/data.csc.index.npy"):
        kept = place(store, name).read_bytes()
        place(store, name).unlink()
        np.save(place(store, name), np.array([Harm()], dtype=object), allow_pickle=True)
        with pytest.raises(ValueError, match=r"allow_pickle=False|Python objects"):
            load(store, recipe())
        place(store, name).write_bytes(kept)
    assert not (store / "harmed").exists()
    for path in build_of(store).rglob("*.npy"):
        with pytest.raises((pickle.UnpicklingError, ValueError, KeyError, IndexError, EOFError)):
            pickle.loads(path.read_bytes())
