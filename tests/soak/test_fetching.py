"""Test sources of weights that disconnect, stall, refuse or send wrong data."""

from __future__ import annotations

import hashlib
import http.server
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fakes import toy_model
from local_server import running

from rag import weights
from rag.errors import WeightsError
from rag.settings import Settings
from rag.weight_sources import Hub

BODY = random.Random(1).randbytes(1_000_000)
MODEL = toy_model(BODY)


class Source(http.server.ThreadingHTTPServer):
    """Send the file with a fault: `harm` is called with the handler and the bytes that it should send."""

    harm: Callable[[http.server.BaseHTTPRequestHandler, bytes], None]


class Handler(http.server.BaseHTTPRequestHandler):
    server: Source

    def do_GET(self) -> None:
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").rstrip("-"))
        self.server.harm(self, BODY[start:])

    def log_message(self, *arguments: object) -> None:
        pass


def send(handler: http.server.BaseHTTPRequestHandler, body: bytes, length: int, status: int = 0) -> None:
    handler.send_response(status or (206 if "Range" in handler.headers else 200))
    handler.send_header("Content-Length", str(length))
    handler.end_headers()
    handler.wfile.write(body)


@pytest.fixture
def source(monkeypatch: pytest.MonkeyPatch) -> Iterator[Source]:
    monkeypatch.setattr(weights, "models", lambda: {"toy": MODEL})
    with running(Source(("127.0.0.1", 0), Handler)) as made:
        yield made


def hub(source: Source) -> Hub:
    return Hub(f"http://127.0.0.1:{source.server_port}", timeout_s=0.3)


def test_a_fetch_that_is_interrupted_at_random_points_resumes_to_the_right_hash(
    source: Source, tmp_path: Path, amount: Callable[[float, float], float], figures: Callable[..., None]
) -> None:
    random.seed(3)
    cuts = sent = 0
    for round_ in range(int(amount(3, 50))):
        settings = Settings(weights=tmp_path / str(round_))

        def cut(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
            nonlocal sent
            piece = body[: random.randrange(len(body) + 1)] if random.random() < 0.8 else body
            sent += len(piece)
            send(handler, piece, len(body))

        source.harm = cut
        for _ in range(200):
            try:
                folder = weights.fetch("toy", settings, [hub(source)])
                break
            except WeightsError:
                cuts += 1
                assert not (settings.weights / "toy" / "model.bin").exists()
        assert hashlib.sha256((folder / "model.bin").read_bytes()).hexdigest() == MODEL.files[0].sha256
        assert not (folder / ".partial").exists()
    assert sent == (round_ + 1) * len(BODY)  # no byte was fetched twice
    figures(cut=cuts, whole=round_ + 1)


def stall(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, body[: len(body) - len(BODY) // 2], len(body))  # the second half is never sent
    time.sleep(1)


def garbage(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, b"<html>" + bytes(len(body) - 6), len(body))


def too_much(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, body + b"more", len(body) + 4)


def refuse(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    send(handler, b"no", 2, 403)


def no_http(handler: http.server.BaseHTTPRequestHandler, body: bytes) -> None:
    handler.wfile.write(b"\x00\xff no HTTP at all\r\n\r\n")


@pytest.mark.parametrize("harm", [stall, garbage, too_much, refuse, no_http], ids=lambda harm: harm.__name__)
def test_a_faulty_source_raises_a_one_line_error_and_a_good_one_still_succeeds(
    source: Source, tmp_path: Path, harm: Callable[..., None]
) -> None:
    settings = Settings(weights=tmp_path)
    source.harm = harm
    started = time.monotonic()
    with pytest.raises(WeightsError) as error:
        weights.fetch("toy", settings, [hub(source)])
    assert time.monotonic() - started < 2
    assert str(error.value).startswith("The model toy could not be fetched (model hub: ")
    assert "\n" not in str(error.value)
    assert not (tmp_path / "toy" / "model.bin").exists()
    source.harm = lambda handler, body: send(handler, body, len(body))
    assert (weights.fetch("toy", settings, [hub(source)]) / "model.bin").read_bytes() == BODY
