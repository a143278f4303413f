"""Test who can use the page, under which host names, and what an unauthenticated client can read."""

from functools import cache
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from rag.documents import Document
from rag.errors import SettingsError
from rag.ui.server import LARGEST_REQUEST, create_app, read_auth

AUTH = ("me", "secret")
WHY = "The corpus /home/me/texts does not exist."


class Broken:
    """A stand-in for a chatbot that cannot answer."""

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
    return TestClient(create_app(Broken(), Path("never-written.jsonl"), address, **changes), base_url=address)


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
def test_without_a_password_file_the_credentials_are_those_of_rag_auth_if_it_is_set(
    monkeypatch: pytest.MonkeyPatch, variable: str | None, auth: tuple[str, str] | None
) -> None:
    monkeypatch.delenv("RAG_AUTH", raising=False)
    if variable is not None:
        monkeypatch.setenv("RAG_AUTH", variable)
    assert read_auth(None) == auth


def test_a_byte_order_mark_in_a_password_file_is_ignored(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("me:secret\n", encoding="utf-8-sig")
    assert read_auth(str(tmp_path / "password")) == AUTH


def test_a_password_file_takes_precedence_over_rag_auth(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_AUTH", "you:other")
    (tmp_path / "password").write_text("me:secret\n", encoding="utf-8")
    assert read_auth(str(tmp_path / "password")) == AUTH


@pytest.mark.parametrize("host", ["evil.example", "evil.example:7860", "localhost.evil.example", "127.0.0.1.evil.example", ""])
@pytest.mark.parametrize("path", ["/", "/healthz", "/metrics", "/gradio_api/info"])
def test_a_request_under_a_foreign_host_name_is_refused(path: str, host: str) -> None:
    assert client().get(path, headers={"Host": host}).status_code == 400


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost", "[::1]:7860"])
def test_requests_under_this_machines_own_names_are_accepted(host: str) -> None:
    assert client().get("/metrics", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "192.168.1.7:7860", "127.0.0.1"])
def test_any_host_name_is_accepted_if_the_page_is_served_to_other_machines(host: str) -> None:
    assert client(hosts=("*",)).get("/metrics", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("header", ["X-Forwarded-Host", "X-Gradio-Server"])
def test_no_header_makes_the_page_use_another_address_as_its_own(header: str) -> None:
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
def test_uploads_and_requests_that_are_too_large_or_of_unknown_length_are_refused(
    path: str, sent: dict[str, object], status: int
) -> None:
    answer = client().post(f"/gradio_api/{path}", **sent)
    assert answer.status_code == status
    assert answer.headers["x-frame-options"] == "DENY"


def test_without_a_password_anyone_can_read_the_state_its_reason_and_the_metrics() -> None:
    health, counts = client().get("/healthz"), client().get("/metrics")
    assert (health.status_code, health.json()) == (503, {"state": "broken", "why": WHY})
    assert (counts.status_code, counts.text) == (200, "rag_waiting 0\n")


def test_with_a_password_an_unauthenticated_client_can_read_only_the_state() -> None:
    health, counts = client(auth=AUTH).get("/healthz"), client(auth=AUTH).get("/metrics")
    assert (health.status_code, health.json()) == (503, {"state": "broken"})
    assert (counts.status_code, counts.headers["WWW-Authenticate"]) == (401, "Basic")
    assert "rag_waiting" not in counts.text


@pytest.mark.parametrize(
    ("given", "status"), [(AUTH, 200), (("me", "wrong"), 401), (("you", "secret"), 401), (("", ""), 401), (("mé", "秘密"), 401)]
)
def test_the_metrics_require_the_right_name_and_password(given: tuple[str, str], status: int) -> None:
    assert client(auth=AUTH).get("/metrics", auth=given).status_code == status
