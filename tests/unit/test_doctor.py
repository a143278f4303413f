"""The doctor reports for each component whether it works and, if not, how to fix it."""

import errno
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from importlib.metadata import version
from pathlib import Path

import httpx
import pytest
from fakes import ARTICLE, toy_model
from local_server import running

from rag import weights
from rag.doctor import Finding, examine
from rag.settings import Settings

BODY = b"weights"


@pytest.fixture
def findings(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Finding]]:
    """Return a function that examines settings with two small models: findings(**changed settings) by name.

    The engine is set, since choosing the one for this processor would require torch.
    """
    toy = toy_model(BODY)
    models = {"toy": toy, "writer": replace(toy, name="writer", role="generator")}
    monkeypatch.setattr(weights, "models", lambda: models)

    def look(**changes: object) -> dict[str, Finding]:
        settings = replace(chosen, **({"embedder": "toy", "generator": "writer", "engine": "llama_cpp"} | changes))
        return {finding.name: finding for finding in examine(settings)}

    return look


def test_weights_are_hashed_and_missing_or_altered_files_are_reported(findings, chosen: Settings) -> None:
    model = chosen.weights / "toy" / "model.bin"
    assert findings()["weights toy"].line() == ("FIX  weights toy: model.bin is missing; run python -m rag weights fetch toy.")
    model.parent.mkdir(parents=True)
    model.write_bytes(BODY)
    assert findings()["weights toy"].line() == f"ok   weights toy: every file in {model.parent} has the expected SHA-256"
    model.write_bytes(BODY[::-1])
    assert "model.bin is altered" in findings()["weights toy"].text


def test_the_corpus_is_counted_and_an_invalid_names_file_is_reported(findings, corpus: Path) -> None:
    assert (
        findings()["corpus"].text
        == f"text files: 1, characters: {len(ARTICLE)}, names in English: 0, sentences in English: 0; in {corpus}"
    )
    (corpus / "article.names.toml").write_text("[names", encoding="utf-8")
    assert not findings()["corpus"].well


def test_a_prompt_with_wrong_variables_or_a_missing_prompt_is_reported(findings, tmp_path: Path) -> None:
    prompts = Path(shutil.copytree(Settings.load({}).prompts, tmp_path / "prompts"))
    assert findings(prompts=prompts)["prompts"].well
    path = prompts / "zh" / "question.txt"
    path.write_text("$passages $$ $5 $questoin", encoding="utf-8")
    found = findings(prompts=prompts)["prompts"]
    assert found.line().startswith(f"FIX  prompts: {path} has the variables ['$', 'passages', 'questoin']; expected")
    path.unlink()
    assert f"The prompt {path} cannot be read" in findings(prompts=prompts)["prompts"].text


@pytest.mark.parametrize("folder", ["judge", "names"])
def test_an_examples_file_without_its_reply_words_is_reported(findings, folder: str, tmp_path: Path) -> None:
    prompts = Path(shutil.copytree(Settings.load({}).prompts, tmp_path / "prompts"))
    path = prompts / folder / "examples.toml"
    path.write_text("example = []", encoding="utf-8")
    assert findings(prompts=prompts)["prompts"].text.startswith(f"The prompt {path} has the wrong form: ")


def test_a_missing_index_is_reported_with_advice(findings, chosen: Settings) -> None:
    shutil.rmtree(chosen.store)
    missing = chosen.store / "current.json"
    mend = "run python index/rebuild.py, or set RAG_REBUILD=auto"
    assert findings()["index"].text == f"The index file {missing} is missing; {mend}."


def test_a_folder_without_read_permission_is_reported_and_does_not_end_the_examination(
    findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = tmp_path / "secret"

    def refusing(stat: Callable[..., os.stat_result]) -> Callable[..., os.stat_result]:
        def refuse(path: str | Path, **named: object) -> os.stat_result:
            if secret in Path(path).parents:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
            return stat(path, **named)

        return refuse

    secret.mkdir()
    for owner in (os, Path):
        monkeypatch.setattr(owner, "stat", refusing(owner.stat))
    found = findings(corpus=secret / "corpus", store=secret / "store")
    assert found["corpus"].line() == f"FIX  corpus: The corpus {secret / 'corpus'} cannot be read: Permission denied."
    assert found["disk"].text.endswith(f" GB free at {secret}")


@pytest.mark.parametrize("name", ["gpt-9", "~nobody-of-that-name/m.gguf", "m" * 300])
def test_an_unknown_generator_is_reported_with_the_known_ones(findings, name: str) -> None:
    assert findings(generator=name)["engine"].line() == (
        f"FIX  engine: generator={name!r} is neither a model (writer) nor an existing path; set RAG_GENERATOR."
    )


def test_a_known_generator_is_reported_with_the_package_that_runs_it_and_its_version(findings) -> None:
    assert findings(engine="llama_cpp")["engine"].line() == f"ok   engine: writer run by xllamacpp {version('xllamacpp')}"


class Server(HTTPServer):
    """Answer every request with `status`, and record the keys that were sent."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/v1"
        self.status = 200
        self.keys: list[str | None] = []


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.keys.append(self.headers["Authorization"])
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *arguments: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with running(Server()) as made:
        yield made


@pytest.mark.parametrize(
    ("status", "line"),
    [
        (200, "ok   engine: {url}/models answers"),
        (401, "FIX  engine: {url}/models rejects the key (401); correct RAG_API_KEY."),
        (403, "FIX  engine: {url}/models rejects the key (403); correct RAG_API_KEY."),
    ],
)
def test_a_server_is_reported_as_answering_or_as_rejecting_the_key(findings, server: Server, status: int, line: str) -> None:
    server.status = status
    assert findings(engine="openai", base_url=server.url)["engine"].line() == line.format(url=server.url)


@pytest.mark.parametrize(("key", "sent"), [("sk-secret", "Bearer sk-secret"), ("", None)])
def test_the_key_is_sent_to_the_server_if_there_is_one(findings, server: Server, key: str, sent: str | None) -> None:
    findings(engine="openai", base_url=server.url, api_key=key)
    assert server.keys == [sent]


@pytest.mark.parametrize("status", [200, 401])
def test_the_key_for_a_server_is_not_shown(findings, server: Server, status: int) -> None:
    server.status = status
    found = findings(engine="openai", base_url=server.url, api_key="sk-secret")
    assert server.keys == ["Bearer sk-secret"]
    assert not any("sk-secret" in finding.text for finding in found.values())


def test_an_unreachable_server_is_reported_with_advice(findings) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/v1"
    line = findings(engine="openai", base_url=url)["engine"].line()
    assert line.startswith(f"FIX  engine: {url}/models cannot be reached (")
    assert line.endswith("; start the server, or correct RAG_BASE_URL.")


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:7890", "socks://127.0.0.1:7890", "127.0.0.1:7890:x"])
def test_an_unusable_proxy_setting_is_reported(findings, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    found = findings(engine="openai", base_url="http://192.0.2.1/v1", offline=False)["engine"]
    assert found.line().startswith("FIX  engine: http://192.0.2.1/v1/models cannot be reached (")


def test_an_unreadable_certificate_file_is_reported(findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    found = findings(engine="openai", base_url="http://192.0.2.1/v1", offline=False)["engine"]
    assert found.line().startswith("FIX  engine: http://192.0.2.1/v1/models cannot be reached ([Errno 2] No such file")


def test_a_server_on_another_machine_is_not_contacted_when_offline(findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "get", lambda *arguments, **more: pytest.fail("the network was touched"))
    found = findings(engine="openai", base_url="http://192.0.2.1/v1", offline=True)["engine"]
    assert found.text == (
        "http://192.0.2.1/v1/models is on another machine and RAG_OFFLINE is set; unset it, or use a server on this machine."
    )
