"""Test the page's endpoints for programs and for monitoring."""

import json
from collections.abc import Callable
from contextlib import AbstractContextManager
from http.client import HTTPConnection
from pathlib import Path

import httpx
import pytest
from gradio_client import Client
from scripted import Scripted

pytestmark = pytest.mark.browser


def test_answer_and_retrieve_are_named_endpoints(address: str) -> None:
    client = Client(address, verbose=False)
    answer = client.predict(question="杭州？", history=None, api_name="/answer")
    assert answer["answerable"] is True
    assert answer["citations"][0]["quote"] == "杭州的互聯網生態起步早,基礎深厚。"
    found = client.predict(question="杭州？", api_name="/retrieve")
    assert found["passages"][0]["text"] == "杭州的互聯網生態起步早,基礎深厚。"


def test_the_health_is_reported_and_responses_have_security_headers(address: str) -> None:
    answer = httpx.get(f"{address}/healthz")
    assert answer.json() == {"state": "ready", "why": ""}
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


UP = "../" * 12


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/gradio_api/file=/etc/passwd", 403),
        (f"/gradio_api/file={UP}etc/passwd", 403),
        (f"/gradio_api/file={UP.replace('/', '%2f')}etc%2fpasswd", 403),
        ("/file=/etc/passwd", 404),
        (f"/{UP}etc/passwd", 404),
        (f"/static/{UP}etc/passwd", 403),
        (f"/static/{UP.replace('/', '%2f')}etc%2fpasswd", 403),
        (f"/assets/{UP}etc/passwd", 403),
    ],
)
def test_a_path_outside_the_served_folders_is_refused(address: str, path: str, status: int) -> None:
    connection = HTTPConnection(address.removeprefix("http://"), timeout=20)
    connection.request("GET", path)  # as it is: httpx would remove the "../"
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    assert answer.status == status
    assert "root:" not in text


def told(address: str, method: str, headers: dict[str, str] | None = None, **params: object) -> dict:
    """Return the result of one call to the MCP server."""
    asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    accepted = {"Accept": "application/json, text/event-stream"}
    answer = httpx.post(f"{address}/gradio_api/mcp/", json=asked, headers=accepted | (headers or {}), timeout=20)
    return json.loads(answer.text.split("data: ", 1)[1])["result"]


def test_the_endpoints_are_mcp_tools(address: str) -> None:
    assert {tool["name"] for tool in told(address, "tools/list")["tools"]} == {"answer", "retrieve"}
    called = told(address, "tools/call", name="answer", arguments={"question": "杭州？"})
    assert called["isError"] is False
    assert "杭州的互聯網生態起步早,基礎深厚。" in called["content"][0]["text"]


@pytest.mark.parametrize(
    "headers",
    [{"Host": "127.0.0.1:9"}, {"X-Forwarded-Host": "127.0.0.1:9"}, {"X-Gradio-Server": "http://127.0.0.1:9"}],
    ids=lambda headers: next(iter(headers)),
)
def test_headers_of_the_first_call_cannot_redirect_questions_to_another_server(
    served: Callable[..., AbstractContextManager[str]], tmp_path: Path, headers: dict[str, str]
) -> None:
    with served(Scripted(), tmp_path / "feedback.jsonl") as address:
        for sent in (headers, None):
            called = told(address, "tools/call", sent, name="answer", arguments={"question": "杭州？"})
            assert "杭州的互聯網生態起步早,基礎深厚。" in called["content"][0]["text"]


def call(address: str, name: str, *data: object) -> str:
    """Return the event stream of a call by HTTP."""
    url = f"{address}/gradio_api/call/{name}"
    event = httpx.post(url, json={"data": data}).raise_for_status().json()["event_id"]
    return httpx.get(f"{url}/{event}", timeout=20).text


@pytest.mark.parametrize(
    ("name", "data", "told"),
    [
        ("answer", ["杭州？"], "The call has too few values (1); expected 2, with null for each that is omitted."),
        ("answer", [], "The call has too few values (0); expected 2, with null for each that is omitted."),
        ("retrieve", [], "The call has too few values (0); expected 1, with null for each that is omitted."),
        ("answer", ["break", None], "The engine failed: it ran out of memory. Ask again."),
        ("answer", ["crash", None], "The call failed unexpectedly; see the log."),
    ],
    ids=["no history", "nothing", "nothing to retrieve", "an error", "an unforeseen error"],
)
def test_a_failed_call_returns_a_one_sentence_error_without_internals(
    address: str, name: str, data: list[object], told: str
) -> None:
    event, said = call(address, name, *data).strip().split("\n")
    assert event == "event: error"
    assert json.loads(said.removeprefix("data: "))["error"] == told
