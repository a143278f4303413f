"""The page's endpoints, for programs and for those who watch."""

import json

import httpx
import pytest
from gradio_client import Client

pytestmark = pytest.mark.browser


def test_answer_and_retrieve_are_named_endpoints(address: str) -> None:
    client = Client(address, verbose=False)
    answer = client.predict(question="杭州？", history=None, api_name="/answer")
    assert answer["answerable"] is True
    assert answer["citations"][0]["quote"] == "杭州的互聯網生態起步早,基礎深厚。"
    found = client.predict(question="杭州？", api_name="/retrieve")
    assert found["passages"][0]["text"] == "杭州的互聯網生態起步早,基礎深厚。"


def test_health_and_headers(address: str) -> None:
    answer = httpx.get(f"{address}/healthz")
    assert answer.json() == {"state": "ready", "why": ""}
    assert answer.headers["x-frame-options"] == "DENY"
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]


def test_no_path_leads_out_of_the_served_folders(address: str) -> None:
    for path in (
        "/gradio_api/file=/etc/passwd",
        "/file=/etc/passwd",
        "/gradio_api/file=..%2f..%2fetc%2fpasswd",
        "/static/../../etc/passwd",
    ):
        answer = httpx.get(address + path)
        assert answer.status_code >= 400 or "root:" not in answer.text


def test_the_endpoints_are_mcp_tools(address: str) -> None:
    def told(method: str, **params: object) -> dict:
        asked = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
        accepted = {"Accept": "application/json, text/event-stream"}
        answer = httpx.post(f"{address}/gradio_api/mcp/", json=asked, headers=accepted, timeout=20)
        return json.loads(answer.text.split("data: ", 1)[1])["result"]

    assert {tool["name"] for tool in told("tools/list")["tools"]} == {"answer", "retrieve"}
    called = told("tools/call", name="answer", arguments={"question": "杭州？"})
    assert called["isError"] is False
    assert "杭州的互聯網生態起步早,基礎深厚。" in called["content"][0]["text"]
