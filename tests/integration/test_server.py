"""Who may ask the page, by which names it may be reached, and what a stranger learns."""

from functools import cache
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.documents import Document
from rag.errors import SettingsError
from rag.ui.server import LARGEST_REQUEST, create_server, read_auth

AUTH = ("me", "secret")
WHY = "The corpus /home/me/texts does not exist."


class Broken:
    """Stand in for a chatbot that cannot answer."""

    documents = (Document("article.txt", "杭州很好。"),)

    def status(self) -> tuple[str, str]:
        return "broken", WHY

    def metrics(self) -> str:
        return "rag_waiting 0\n"

    def suggest(self, language: str, cited: object = (), asked: object = ()) -> list[str]:
        return []


@cache
def client(**changes: object) -> TestClient:
    address = "http://127.0.0.1"
    return TestClient(create_server(Broken(), Path("never-written.jsonl"), address, **changes), base_url=address)


@pytest.mark.parametrize("text", ["", " ", "\n", " \t\n\n", "secret", "me:", ":secret"])
@pytest.mark.parametrize("variable", [None, "", "you:other"])
def test_a_password_file_without_a_name_and_a_password_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str | None, text: str
) -> None:
    monkeypatch.delenv("RAG_AUTH", raising=False)
    if variable is not None:
        monkeypatch.setenv("RAG_AUTH", variable)
    (tmp_path / "password").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"^The password has the wrong form; expected name:password"):
        read_auth(str(tmp_path / "password"))


@pytest.mark.parametrize(
    ("variable", "auth"), [(None, None), ("", None), ("me:secret", AUTH), ("me:a:b ", ("me", "a:b "))], ids=str
)
def test_without_a_file_the_variable_says_who_may_ask_and_without_both_anyone_may(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, auth: tuple[str, str] | None
) -> None:
    monkeypatch.delenv("RAG_AUTH", raising=False)
    if variable is not None:
        monkeypatch.setenv("RAG_AUTH", variable)
    assert read_auth(None) == auth


def test_a_password_file_may_begin_with_the_mark_that_some_editors_write(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("me:secret\n", encoding="utf-8-sig")
    assert read_auth(str(tmp_path / "password")) == AUTH


def test_a_password_file_wins_over_the_variable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_AUTH", "you:other")
    (tmp_path / "password").write_text("me:secret\n", encoding="utf-8")
    assert read_auth(str(tmp_path / "password")) == AUTH


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/gradio_api/info"])
def test_a_page_that_a_browser_knows_by_a_foreign_name_is_refused(path: str, host: str) -> None:
    assert client().get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "[::1]:7860"])
def test_this_machines_own_names_are_let_in(host: str) -> None:
    assert client().get("/metrics", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.7:7860", "127.0.0.1"])
def test_any_name_is_let_in_where_the_page_is_served_to_others(host: str) -> None:
    assert client(hosts=("*",)).get("/metrics", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Gradio-Server"])
def test_no_header_lets_the_page_take_another_address_for_its_own(header: str) -> None:
    page = client(hosts=("*",)).get("/", headers={header: "http://evil.example"})
    assert page.status_code == 200
    assert "evil.example" not in page.text


@pytest.mark.parametrize(
    ("path", "sent", "status"),
    [
        ("upload", {"files": {"files": ("a.txt", b"x")}}, 403),
        ("queue/join", {"content": b" " * (LARGEST_REQUEST + 1)}, 413),
        ("queue/join", {"content": iter([b"{}"])}, 411),
        ("queue/join", {"content": b" " * LARGEST_REQUEST}, 422),
    ],
    ids=["a file", "too large", "of no told length", "no JSON"],
)
def test_no_request_fills_disk_or_memory(path: str, sent: dict[str, object], status: int) -> None:
    answer = client().post(f"/gradio_api/{path}", **sent)
    assert answer.status_code == status
    assert answer.headers["x-frame-options"] == "DENY"


def test_without_a_password_anyone_reads_state_reason_and_counts() -> None:
    health, counts = client().get("/healthz"), client().get("/metrics")
    assert (health.status_code, health.json()) == (503, {"state": "broken", "why": WHY})
    assert (counts.status_code, counts.text) == (200, "rag_waiting 0\n")


def test_behind_a_password_a_stranger_learns_the_state_alone() -> None:
    health, counts = client(auth=AUTH).get("/healthz"), client(auth=AUTH).get("/metrics")
    assert (health.status_code, health.json()) == (503, {"state": "broken"})
    assert (counts.status_code, counts.headers["WWW-Authenticate"]) == (401, "Basic")
    assert "rag_waiting" not in counts.text


@pytest.mark.parametrize(
    ("given", "status"), [(AUTH, 200), (("me", "wrong"), 401), (("you", "secret"), 401), (("", ""), 401), (("mé", "秘密"), 401)]
)
def test_the_counts_are_told_to_who_gives_name_and_password(given: tuple[str, str], status: int) -> None:
    assert client(auth=AUTH).get("/metrics", auth=given).status_code == status
