"""The doctor reports for each component whether it works and, if not, how to fix it."""

import errno
import os
import shutil
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx
import pytest
from fakes import ARTICLE, toy_model

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
    assert findings(generator=name)["engine"].text.startswith(f"generator={name!r} is neither a model (")
    assert findings(engine="llama_cpp")["engine"].text.startswith("writer run by xllamacpp 20")


@pytest.mark.parametrize(("status", "line"), [(200, "ok   engine: {url} answers"), (401, "FIX  engine: {url} rejects")])
@pytest.mark.parametrize("key", ["key", ""])
def test_a_server_is_reported_as_answering_rejecting_the_key_or_unreachable(findings, key: str, status: int, line: str) -> None:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.headers["Authorization"] == (f"Bearer {key}" if key else None)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}/v1"
    found = findings(engine="openai", base_url=url, api_key=key)
    assert found["engine"].line().startswith(line.format(url=f"{url}/models"))
    assert "key)" not in found["engine"].text
    server.shutdown()
    server.server_close()
    gone = findings(engine="openai", base_url=url)["engine"]
    assert (gone.well, "cannot be reached" in gone.text) == (False, True)


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
