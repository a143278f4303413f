"""The doctor says for each thing whether it is well, and what mends it."""

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
    """Return an examiner with two small models: findings(**changed settings) by name.

    The engine is named, since finding out which one suits this processor would take torch.
    """
    toy = toy_model(BODY)
    models = {"toy": toy, "writer": replace(toy, name="writer", role="generator")}
    monkeypatch.setattr(weights, "models", lambda: models)

    def look(**changes: object) -> dict[str, Finding]:
        settings = replace(chosen, **({"embedder": "toy", "generator": "writer", "engine": "llama_cpp"} | changes))
        return {finding.name: finding for finding in examine(settings)}

    return look


def test_weights_are_hashed_and_what_is_wrong_is_named_with_its_mend(findings, chosen: Settings) -> None:
    model = chosen.weights / "toy" / "model.bin"
    assert findings()["weights toy"].line() == ("FIX  weights toy: model.bin is missing; run python -m rag weights fetch toy.")
    model.parent.mkdir(parents=True)
    model.write_bytes(BODY)
    assert findings()["weights toy"].line() == f"ok   weights toy: every file in {model.parent} has the expected SHA-256"
    model.write_bytes(BODY[::-1])
    assert "model.bin is altered" in findings()["weights toy"].text


def test_the_corpus_is_counted_and_its_names_are_read(findings, corpus: Path) -> None:
    assert (
        findings()["corpus"].text
        == f"text files: 1, characters: {len(ARTICLE)}, names in English: 0, sentences in English: 0; in {corpus}"
    )
    (corpus / "article.names.toml").write_text("[names", encoding="utf-8")
    assert not findings()["corpus"].well


def test_an_edited_prompt_that_cannot_be_filled_is_named(findings, tmp_path: Path) -> None:
    prompts = Path(shutil.copytree(Settings.load({}).prompts, tmp_path / "prompts"))
    assert findings(prompts=prompts)["prompts"].well
    path = prompts / "zh" / "question.txt"
    path.write_text("$passages $$ $5 $questoin", encoding="utf-8")
    found = findings(prompts=prompts)["prompts"]
    assert found.line().startswith(f"FIX  prompts: {path} has the variables ['$', 'passages', 'questoin']; expected")
    path.unlink()
    assert f"The prompt {path} cannot be read" in findings(prompts=prompts)["prompts"].text


@pytest.mark.parametrize("folder", ["judge", "names"])
def test_worked_examples_without_the_words_of_their_replies_are_named(findings, folder: str, tmp_path: Path) -> None:
    prompts = Path(shutil.copytree(Settings.load({}).prompts, tmp_path / "prompts"))
    path = prompts / folder / "examples.toml"
    path.write_text("example = []", encoding="utf-8")
    assert findings(prompts=prompts)["prompts"].text.startswith(f"The prompt {path} has the wrong form: ")


def test_an_index_that_does_not_fit_is_named_with_its_mend(findings, chosen: Settings) -> None:
    shutil.rmtree(chosen.store)
    missing = chosen.store / "current.json"
    mend = "run python index/rebuild.py, or set RAG_REBUILD=auto"
    assert findings()["index"].text == f"The index file {missing} is missing; {mend}."


def test_a_folder_that_the_doctor_may_not_look_into_is_told_and_ends_nothing(
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
def test_a_generator_that_is_neither_known_nor_there_is_told_with_the_choices(findings, name: str) -> None:
    assert findings(generator=name)["engine"].text.startswith(f"generator={name!r} is neither a model (")
    assert findings(engine="llama_cpp")["engine"].text.startswith("writer run by xllamacpp 20")


@pytest.mark.parametrize(("status", "line"), [(200, "ok   engine: {url} answers"), (401, "FIX  engine: {url} rejects")])
@pytest.mark.parametrize("key", ["key", ""])
def test_a_server_is_asked_whether_it_is_there(findings, key: str, status: int, line: str) -> None:
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
def test_a_proxy_that_cannot_be_used_is_told(findings, monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setitem(sys.modules, "socksio", None)
    monkeypatch.setenv("ALL_PROXY", proxy)
    found = findings(engine="openai", base_url="http://192.0.2.1/v1", offline=False)["engine"]
    assert found.line().startswith("FIX  engine: http://192.0.2.1/v1/models cannot be reached (")


def test_certificates_that_cannot_be_read_are_told(findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere.pem")
    found = findings(engine="openai", base_url="http://192.0.2.1/v1", offline=False)["engine"]
    assert found.line().startswith("FIX  engine: http://192.0.2.1/v1/models cannot be reached ([Errno 2] No such file")


def test_a_server_elsewhere_is_not_asked_when_offline(findings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(httpx, "get", lambda *arguments, **more: pytest.fail("the network was touched"))
    found = findings(engine="openai", base_url="http://192.0.2.1/v1", offline=True)["engine"]
    assert found.text == (
        "http://192.0.2.1/v1/models is on another machine and RAG_OFFLINE is set; unset it, or use a server on this machine."
    )
