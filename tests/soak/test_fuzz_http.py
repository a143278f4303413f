"""Test that any input to the HTTP interface gives exact quotes or a one-sentence error, never a file or a traceback."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from http.client import HTTPConnection

import httpx
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import HISTORY, JSON, QUESTION, assert_quotes
from programs import ROOT, Amount, App, Figures


def no_secret(text: str) -> None:
    """Assert that a response contains neither a file of the machine nor a traceback."""
    assert "Traceback" not in text
    assert str(ROOT) not in text
    assert "root:x:0" not in text


def own_frames(log: str) -> list[str]:
    """Return the traceback lines of a log that are in this project's code, except for the middleware of every request."""
    return [line for line in log.splitlines() if f'File "{ROOT}/rag/' in line and "/ui/server.py" not in line]


def finished(client: httpx.Client, url: str) -> tuple[str, object]:
    """Return the last event of a stream of server-sent events, and its data."""
    with client.stream("GET", url) as response:
        lines = [line for line in response.iter_lines() if line]
    no_secret("".join(lines))
    if response.status_code != 200 or len(lines) < 2:
        return "refused", None
    return lines[-2].removeprefix("event: "), json.loads(lines[-1].removeprefix("data: "))


def test_the_endpoints_answer_any_question_and_history_or_return_a_one_sentence_error(
    start_app: Callable[..., App], amount: Amount, figures: Figures
) -> None:
    app = start_app()
    outcomes: Counter[str] = Counter()

    with httpx.Client(base_url=app.url, timeout=60) as client:

        @settings(max_examples=int(amount(60, 4000)))
        @given(QUESTION, HISTORY, st.booleans(), st.just(2) | st.integers(0, 3))
        def hold(question: object, history: object, whole: bool, values: int) -> None:
            name, data = ("answer" if whole else "retrieve", [question, history, None][:values])
            url = f"/gradio_api/call/{name}"
            response = client.post(url, content=json.dumps({"data": data}), headers={"Content-Type": "application/json"})
            no_secret(response.text)
            if response.status_code != 200:
                outcomes[f"{name}: {response.status_code}"] += 1
                assert response.status_code in (400, 422)
                return
            event, said = finished(client, f"{url}/{response.json()['event_id']}")
            outcomes[f"{name}: {event}"] += 1
            if event == "complete":
                assert_quotes(said[0] if whole else {"citations": said[0]["sentences"]})
            else:
                assert event == "error"
                assert isinstance(said, dict) and said["error"].endswith(".") and "\n" not in said["error"]

        hold()
        assert client.get("/healthz").json() == {"state": "ready", "why": ""}
    assert app.process.poll() is None
    assert own_frames(app.log.read_text()) == []
    figures(tried=sum(outcomes.values()), outcomes=dict(outcomes))


def test_the_page_stays_ready_whatever_values_its_own_events_receive(
    start_app: Callable[..., App], amount: Amount, figures: Figures
) -> None:
    app = start_app()
    outcomes: Counter[str] = Counter()

    with httpx.Client(base_url=app.url, timeout=60) as client:
        events = [(each["id"], len(each["inputs"])) for each in client.get("/config").json()["dependencies"]]

        @settings(max_examples=int(amount(60, 2000)))
        @given(st.sampled_from(events), st.lists(JSON, min_size=12, max_size=12), st.integers(0, 10**9))
        def hold(event: tuple[int, int], values: list[object], session: int) -> None:
            number, inputs = event
            join = {"data": values[:inputs], "fn_index": number, "session_hash": str(session), "trigger_id": None}
            response = client.post(
                "/gradio_api/queue/join", content=json.dumps(join), headers={"Content-Type": "application/json"}
            )
            no_secret(response.text)
            outcome = str(response.status_code)
            if response.status_code == 200:
                with client.stream("GET", f"/gradio_api/queue/data?session_hash={session}") as stream:
                    said = "".join(stream.iter_text())
                no_secret(said)
                outcome = "completed" if '"success":true' in said else "failed"
            outcomes[outcome] += 1

        hold()
        assert client.get("/healthz").json() == {"state": "ready", "why": ""}
    assert app.process.poll() is None
    figures(tried=sum(outcomes.values()), outcomes=dict(outcomes), own_frames=len(own_frames(app.log.read_text())))


PATHS = st.sampled_from(
    [
        *("/", "/healthz", "/metrics", "/config", "/gradio_api/info", "/gradio_api/call/answer", "/gradio_api/call/retrieve"),
        *("/gradio_api/queue/join", "/gradio_api/queue/data?session_hash=x", "/gradio_api/run/answer", "/gradio_api/upload"),
        *("/gradio_api/proxy=http://127.0.0.1:1/", "/gradio_api/call/answer/none", "/gradio_api/heartbeat/x/y"),
        *("/theme.css", "/login", "/logout", "/gradio_api/cancel", "/gradio_api/reset"),
    ]
)
UP = "../" * 12
OUTSIDE = st.sampled_from(
    [
        *("/gradio_api/file=/etc/passwd", f"/gradio_api/file={UP}etc/passwd", f"/static/{UP}etc/passwd", f"/{UP}etc/passwd"),
        *(f"/gradio_api/file={UP.replace('.', '%2e')}etc/passwd", f"/static/{UP.replace('/', '%2f')}etc/passwd"),
    ]
)


def test_no_path_reveals_a_file_or_causes_a_server_error(
    start_app: Callable[..., App], amount: Amount, figures: Figures
) -> None:
    app = start_app()
    statuses: Counter[int] = Counter()

    @settings(max_examples=int(amount(60, 2000)))
    @given(
        st.sampled_from(["GET", "POST", "PUT", "DELETE", "HEAD"]),
        PATHS.map(lambda path: (path, range(200, 500))) | OUTSIDE.map(lambda path: (path, range(400, 500))),
        JSON,
        st.binary(max_size=40),
        st.booleans(),
    )
    def hold(method: str, target: tuple[str, range], value: object, raw: bytes, data: bool) -> None:
        path, expected = target
        body = raw if not data else json.dumps({"data": value if isinstance(value, list) else [value]}).encode()
        connection = HTTPConnection(app.url.removeprefix("http://"), timeout=60)
        with closing(connection):
            connection.request(method, path, body, {"Content-Type": "application/json"})  # httpx would remove any "../"
            response = connection.getresponse()
            text = response.read1().decode("utf-8", "replace")
        statuses[response.status] += 1
        assert response.headers["x-frame-options"] == "DENY"
        no_secret(text)
        assert response.status in expected

    hold()
    assert httpx.get(f"{app.url}/healthz").json() == {"state": "ready", "why": ""}
    assert app.process.poll() is None
    figures(tried=sum(statuses.values()), statuses=dict(statuses))
