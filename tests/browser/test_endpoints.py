"""The page's endpoints, for programs and for those who watch."""

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
