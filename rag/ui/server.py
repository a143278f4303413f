"""Serve the page safely: loopback by default, a closed set of headers, and two lines for those who watch.

`/healthz` says whether questions can be answered; `/metrics` counts in Prometheus' text format.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse

from rag.errors import SettingsError
from rag.ui.desk import Answerer
from rag.ui.page import CSS, HEAD, THEME, create_app

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; frame-ancestors 'none'; base-uri 'self'; "
        "form-action 'self'; object-src 'none'"
    ),
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def create_server(answerer: Answerer, feedback_path: Path, auth: tuple[str, str] | None = None) -> FastAPI:
    """Return the web application: the page, `/healthz` and `/metrics`.

    auth: name and password that a reader must give.
    """
    app = FastAPI(title="why-hangzhou", docs_url=None, redoc_url=None, openapi_url=None)

    @app.middleware("http")
    async def guard(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
        response = await call_next(request)
        for name, value in HEADERS.items():
            response.headers[name] = value
        return response

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        state, why = answerer.status()
        return JSONResponse({"state": state, "why": why}, status_code=200 if state == "ready" else 503)

    @app.get("/metrics")
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(answerer.metrics(), media_type="text/plain; version=0.0.4")

    page = create_app(answerer, feedback_path)
    served: FastAPI = gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth=_checker(auth) if auth else None,
        theme=THEME,
        css=CSS,
        head=HEAD,
        ssr_mode=False,
        footer_links=[],
        show_error=True,
        max_file_size="1mb",
        mcp_server=auth is None and mcp_installed(),
        allowed_paths=[],
    )
    return served


def mcp_installed() -> bool:
    """Tell whether Gradio can serve its endpoints as MCP tools (`pip install "gradio[mcp]"`).

    Behind a password it is left out: Gradio 6.31 lists the tools to anyone there, and can call none of them.
    """
    try:
        return version("mcp").startswith("1.")
    except PackageNotFoundError:
        return False


def _checker(auth: tuple[str, str]) -> Callable[[str, str], bool]:
    def check(name: str, password: str) -> bool:
        """Compare in constant time."""
        same = [secrets.compare_digest(a.encode(), b.encode()) for a, b in zip((name, password), auth, strict=True)]
        return all(same)

    return check


def read_auth(source: str | None) -> tuple[str, str] | None:
    """Return the name and password that a file or RAG_AUTH holds as "name:password", or None where there is neither."""
    text = os.environ.get("RAG_AUTH", "")
    if source:
        try:
            text = Path(source).read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SettingsError(f"The password file {source} cannot be read ({error.strerror}).") from error
    if not text:
        return None
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise SettingsError("The password has the wrong form; expected name:password in RAG_AUTH or in the --auth file.")
    return name, password


def check_address(host: str, port: int, auth: tuple[str, str] | None, allow_public: bool) -> None:
    """Raise SettingsError for an address that is taken, or open to others without a password."""
    if host not in LOOPBACK and auth is None and not allow_public:
        raise SettingsError(
            f"The host {host} lets other machines in and no password is set; set RAG_AUTH=name:password, or say --allow-public."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise SettingsError(
                f"The address {host}:{port} cannot be used ({error.strerror}); choose another with --port."
            ) from error


def serve(app: FastAPI, host: str, port: int) -> None:
    """Serve until interrupted; open connections get two seconds to end."""
    uvicorn.run(app, host=host, port=port, log_level="warning", timeout_graceful_shutdown=2)
