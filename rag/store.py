"""Store an index on disk, and load it after checking that it is intact and matches its inputs.

A build is a folder `<store>/<build>/` of plain files; `<store>/current.json` names the current build and the SHA-256 of its
manifest, which lists the SHA-256 of every other file. A new build is written completely beside the old one and activated by one
atomic replacement of `current.json`, so a crash at any moment leaves the old build in use. Nothing is pickled.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
import numpy.typing as npt
from filelock import FileLock

from rag.documents import Document
from rag.embedding import Embedder, Report, Vectors
from rag.errors import IndexStoreError
from rag.index import Index, build
from rag.places import Members, Passages, Sentences

FORMAT = 4
"""Format version; incremented whenever a build of the same recipe would differ, in its files or in how texts are split."""
BLOCK = 1 << 20
"""Bytes that are read and hashed at a time."""
MAPPED_FROM = 256 << 20
"""Bytes from which a build is memory-mapped; smaller ones are read, since truncating a mapped file crashes its readers."""
_BUILD = re.compile(r"[0-9a-f]{12}")


@dataclass(frozen=True)
class Recipe:
    """The inputs from which an index is derived; equal recipes give equal indexes.

    sources: SHA-256 of each normalised text, by source name. embedder: identity of the embedder's weights. longest: maximum
    extent of a passage of several sentences.
    """

    sources: Mapping[str, str]
    embedder: str
    longest: int

    @classmethod
    def of(cls, documents: Sequence[Document], embedder: str, longest: int) -> Recipe:
        """Return the recipe for some documents."""
        return cls({d.source: _sha256([d.text.encode()]) for d in documents}, embedder, longest)


@dataclass(frozen=True)
class Rebuilt:
    """The outcome of a rebuild.

    why: the reason for it, "" if the stored index matched. embedded: how many of the index's `rows` texts had to be embedded.
    """

    why: str
    embedded: int
    rows: int
    passages: int
    sentences: int

    @classmethod
    def of(cls, index: Index, why: str = "", embedded: int = 0) -> Rebuilt:
        """Return the outcome of a rebuild that resulted in an index."""
        return cls(why, embedded, len(index.passage_of_row), len(index.passages), len(index.sentences))


def _sha256(blocks: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for block in blocks:
        digest.update(block)
    return digest.hexdigest()


def load(store: Path, recipe: Recipe) -> Index:
    """Return the stored index that matches a recipe.

    Raises IndexStoreError if none does, naming the file, what was found and what was expected.
    """
    while True:
        pointer = _pointer(store)
        try:
            return _load(store, recipe, pointer)
        except (IndexStoreError, OSError, RuntimeError):
            if _pointer(store) == pointer:
                raise
            # Another process has activated a new build and removed this one during the read; try again.


def _pointer(store: Path) -> bytes:
    return b"".join(_blocks(store / "current.json"))


def _load(store: Path, recipe: Recipe, pointer: bytes) -> Index:
    folder, manifest = _manifest(store, pointer)
    found = Recipe(**manifest["recipe"])
    if found != recipe:
        raise IndexStoreError(f"The index in {folder} is stale: {_difference(found, recipe)}")
    for name, expected in manifest["files"].items():
        _verify(folder / name, _blocks(folder / name), expected)
    return _read(folder)


def _manifest(store: Path, pointer: bytes) -> tuple[Path, dict[str, Any]]:
    current = _json(pointer, store / "current.json")
    if not isinstance(current, dict) or not {"build", "manifest"} <= current.keys():
        raise IndexStoreError(f"The index file {store / 'current.json'} is damaged: it names no build")
    if not _BUILD.fullmatch(str(current["build"])):
        raise IndexStoreError(f"The index file {store / 'current.json'} is damaged: it names the build {current['build']!r}")
    folder = store / str(current["build"])
    path = folder / "manifest.json"
    data = b"".join(_blocks(path))
    _verify(path, [data], str(current["manifest"]))
    manifest = _json(data, path)
    if manifest.get("format") != FORMAT:
        raise IndexStoreError(f"The index in {folder} has format {manifest.get('format')!r}; expected {FORMAT}")
    return folder, manifest


def _blocks(path: Path) -> Iterator[bytes]:
    """Yield a file's bytes in blocks; raise IndexStoreError if it is missing or cannot be read."""
    try:
        with path.open("rb") as file:
            while block := file.read(BLOCK):
                yield block
    except FileNotFoundError:
        raise IndexStoreError(f"The index file {path} is missing") from None
    except OSError as error:
        raise IndexStoreError(f"The index file {path} cannot be read ({error.strerror})") from error


def _verify(path: Path, blocks: Iterable[bytes], expected: str) -> None:
    """Raise IndexStoreError if the SHA-256 of a file's blocks is not the expected one."""
    if (found := _sha256(blocks)) != expected:
        raise IndexStoreError(f"The index file {path} is damaged: SHA-256 {found[:12]}…, expected {expected[:12]}…")


def _json(data: bytes, path: Path) -> Any:
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise IndexStoreError(f"The index file {path} is damaged: it is not JSON") from error


def _difference(found: Recipe, expected: Recipe) -> str:
    if found.embedder != expected.embedder:
        return f"it was built with embedder {found.embedder[:12]}…, not {expected.embedder[:12]}…"
    if found.longest != expected.longest:
        return f"its passages have up to {found.longest} characters, not {expected.longest}"
    changed = [name for name in expected.sources if found.sources.get(name) != expected.sources[name]]
    gone = [name for name in found.sources if name not in expected.sources]
    return f"the source {(changed + gone)[0]} has changed"


def save(store: Path, index: Index, recipe: Recipe) -> None:
    """Write an index beside the current one, activate it, and remove older and incomplete builds.

    Raises IndexStoreError if it cannot be written.
    """
    build_id = uuid.uuid4().hex[:12]
    folder = store / build_id
    try:
        folder.mkdir(parents=True)
        _write(folder, index)
        files = {p.relative_to(folder).as_posix(): _sha256(_blocks(p)) for p in folder.rglob("*") if p.is_file()}
        manifest = {"format": FORMAT, "recipe": asdict(recipe), "files": files}
        data = json.dumps(manifest, ensure_ascii=False, indent=1).encode()
        (folder / "manifest.json").write_bytes(data)
        pointer = json.dumps({"build": build_id, "manifest": _sha256([data])}).encode()
        (store / "current.tmp").write_bytes(pointer)
        for path in (*folder.rglob("*"), folder, store / "current.tmp", store):
            _sync(path)
        os.replace(store / "current.tmp", store / "current.json")
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            (store / "current.tmp").unlink()
        raise IndexStoreError(
            f"The index cannot be written to {store} ({error.strerror})",
            "free space or allow writing there, or set RAG_STORE to another folder",
        ) from error
    _clear(store)


def _clear(store: Path) -> None:
    """Remove every build except the current one, including incomplete ones left by a crash; leave other files alone."""
    try:
        build = json.loads((store / "current.json").read_bytes())["build"]
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        build = None
    for path in store.iterdir():
        if path.is_dir() and path.name != build and _BUILD.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)


def _sync(path: Path) -> None:
    """Flush a file, or the entries of a folder, to disk; not every system supports folders, so their errors are ignored."""
    with suppress(OSError) if path.is_dir() else nullcontext():
        descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write(folder: Path, index: Index) -> None:
    content = [asdict(document) for document in index.documents]
    (folder / "documents.json").write_bytes(json.dumps(content, ensure_ascii=False).encode())
    for name, numbers in _arrays(index).items():
        np.save(folder / f"{name}.npy", numbers, allow_pickle=False)
    with (folder / "vectors.faiss").open("wb") as file:
        faiss.write_index(index.vectors, faiss.PyCallbackIOWriter(file.write))  # type: ignore[attr-defined]
    index.lexicon.save(str(folder / "terms"), corpus=None, show_progress=False)


def _arrays(index: Index) -> dict[str, npt.NDArray[np.int64]]:
    return {
        "sentences": index.sentences.places,
        "passages": index.passages.places,
        "members": index.sentences_of_passage.places,
        "owners": index.passage_of_row,
        "rows": index.row_of_sentence,
    }


def _read(folder: Path) -> Index:
    """Return the index of a build; in a large build, its arrays, vectors and terms are memory-mapped."""
    mapped = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) >= MAPPED_FROM
    documents = tuple(Document(**values) for values in json.loads((folder / "documents.json").read_bytes()))

    def array(name: str) -> npt.NDArray[np.int64]:
        return np.load(folder / f"{name}.npy", mmap_mode="r" if mapped else None, allow_pickle=False)  # type: ignore[no-any-return]

    return Index(
        documents=documents,
        sentences=Sentences(documents, array("sentences")),
        passages=Passages(documents, array("passages")),
        sentences_of_passage=Members(array("members")),
        passage_of_row=array("owners"),
        row_of_sentence=array("rows"),
        vectors=faiss.read_index(str(folder / "vectors.faiss"), faiss.IO_FLAG_MMAP_IFC if mapped else 0),
        lexicon=bm25s.BM25.load(str(folder / "terms"), load_corpus=False, mmap=mapped, show_progress=False, allow_pickle=False),
    )


def rebuild(
    store: Path, documents: Sequence[Document], embedder: Embedder, longest: int, report: Report | None = None
) -> Rebuilt:
    """Build the index of documents and activate it, unless the current one matches; embed only texts that are new.

    longest: as in Recipe. report: called with (done, total) while embedding. Concurrent rebuilds of one store wait for each
    other. Raises IndexStoreError if the index cannot be written.
    """
    recipe = Recipe.of(documents, embedder.identity, longest)
    try:
        store.mkdir(parents=True, exist_ok=True)
        with FileLock(store / "rebuild.lock"):
            return _rebuild(store, documents, embedder, recipe, report)
    except OSError as error:
        raise IndexStoreError(f"The index cannot be written to {store} ({error.strerror})", "set RAG_STORE") from error


def _rebuild(store: Path, documents: Sequence[Document], embedder: Embedder, recipe: Recipe, report: Report | None) -> Rebuilt:
    _clear(store)
    try:
        index = load(store, recipe)
        return Rebuilt.of(index)
    except IndexStoreError as error:
        why = error.why
    index, embedded = build(documents, embedder, recipe.longest, _known(store, recipe.embedder), report)
    save(store, index, recipe)
    return Rebuilt.of(index, why, embedded)


def _known(store: Path, embedder: str) -> dict[str, Vectors]:
    """Return the vectors of the current build by their text; none if it is damaged or from another embedder."""
    try:
        _, manifest = _manifest(store, _pointer(store))
        index = load(store, Recipe(**manifest["recipe"]))
    except IndexStoreError:
        return {}
    if manifest["recipe"]["embedder"] != embedder:
        return {}
    texts = {number: passage.text for number, passage in enumerate(index.passages)}
    texts |= {int(row): index.sentences[number].text for number, row in enumerate(index.row_of_sentence) if row >= 0}
    return {text: index.vectors.reconstruct(row) for row, text in texts.items()}
