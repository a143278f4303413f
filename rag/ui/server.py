"""Serve the page securely: on loopback by default, with strict security headers, and with two endpoints for monitoring.

`/healthz` reports whether questions can be answered; `/metrics` returns counts in Prometheus' text format. If a password is
set, `/healthz` without it shows the state only, and `/metrics` requires it.
"""

from __future__ import annotations

import os
import secrets
import socket
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qs

import gradio as gr
import uvicorn
from anyio import to_thread
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from rag.errors import SettingsError
from rag.ui.components import look
from rag.ui.page import create_page
from rag.ui.sessions import Answerer, AnswerSessions

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
LARGEST_REQUEST = 4_000_000
"""Maximum size of a request in bytes: about twice that of fifty long turns, the most that a browser stores and sends."""
THREADS = 512
"""Worker threads: twice as many as the page's queue has places."""
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
"""Names of this machine. Requests under another name, as in DNS rebinding attacks, are refused."""
SPOOFABLE_HEADERS = (b"x-forwarded-", b"x-gradio-server")
"""Prefixes of request headers that would change the page's address for Gradio; uvicorn has already applied a proxy's."""


def create_app(
    answerer: Answerer,
    feedback_path: Path,
    address: str,
    auth: tuple[str, str] | None = None,
    hosts: Sequence[str] = LOOPBACK,
) -> FastAPI:
    """Return the web application: the page, `/healthz` and `/metrics`.

    address: URL at which this machine reaches it. auth: name and password that a reader must give. hosts: accepted values of
    the Host header, ("*",) for any.
    """
    app = FastAPI(title="why-hangzhou", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_lifespan)
    sessions = AnswerSessions(answerer, feedback_path)
    app.add_middleware(_DisconnectMiddleware, stop=sessions.stop)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(_Guard)
    check_password = partial(credentials_match, auth) if auth else None

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        state, why = answerer.status()
        shown = {"state": state} if auth else {"state": state, "why": why}  # the reason may contain local paths
        return JSONResponse(shown, status_code=200 if state == "ready" else 503)

    def admit(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> None:
        if check_password and not check_password(given.username, given.password):
            raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})

    @app.get("/metrics", dependencies=[Depends(admit)] if auth else [])
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(answerer.metrics(), media_type="text/plain; version=0.0.4")

    page = create_page(sessions)
    served: FastAPI = gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth=check_password,
        **look(),
        ssr_mode=False,
        footer_links=[],
        show_error=False,  # errors meant for readers are shown anyway
        mcp_server=auth is None,  # with a password, Gradio 6.31 lists the tools to anyone but can call none
        allowed_paths=[],
    )
    if page.mcp_server_obj:  # by default it takes its address from the first call's headers, and keeps it
        page.mcp_server_obj._local_url = address
    return served


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    """Raise the limit of worker threads from its default of 40: a waiting reader occupies one, and stopping needs another."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


class _Guard:
    """Add HEADERS to every response, remove SPOOFABLE_HEADERS from requests, and refuse requests as `_refusal` decides."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._app
        if scope["type"] == "http":
            scope["headers"] = [header for header in scope["headers"] if not header[0].startswith(SPOOFABLE_HEADERS)]
            app = _refusal(scope) or app
        await app(scope, receive, sending)


def _refusal(scope: Scope) -> ASGIApp | None:
    """Return the response to a request that is refused: an upload, or one too large or without a length; None for others."""
    headers = Headers(scope=scope)
    if scope["path"].endswith("/gradio_api/upload"):
        return PlainTextResponse("This page accepts no uploads.", 403)
    if "transfer-encoding" in headers:
        return PlainTextResponse("A request must have a Content-Length header.", 411)
    if int(headers.get("content-length", "0")) > LARGEST_REQUEST:
        return PlainTextResponse(f"A request may have at most {LARGEST_REQUEST:,} bytes.", 413)
    return None


class _DisconnectMiddleware:
    """Stop the answers of a client that disconnects early: Gradio drops the answer, but lets its computation continue."""

    def __init__(self, app: ASGIApp, stop: Callable[[str], None]) -> None:
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = _session_of(scope) if scope["type"] == "http" else ""
        complete = False

        async def sending(message: Message) -> None:
            nonlocal complete
            complete = complete or (message["type"] == "http.response.body" and not message.get("more_body"))
            await send(message)

        try:
            await self._app(scope, receive, sending)
        finally:
            if session and not complete:
                self._stop(session)


def _session_of(scope: Scope) -> str:
    """Return the session for whose answers a request waits, "" for none; the event of a single call is its own session."""
    path = str(scope["path"])
    if "/gradio_api/call/" in path and scope["method"] == "GET":
        return path.rstrip("/").rsplit("/", 1)[1]
    if path.endswith("/gradio_api/queue/data"):
        return str(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0])
    return ""


def credentials_match(auth: tuple[str, str], name: str, password: str) -> bool:
    """Return whether a name and a password are the required ones, compared in constant time."""
    return all([secrets.compare_digest(a.encode(), b.encode()) for a, b in zip((name, password), auth, strict=True)])


def read_auth(source: str | None) -> tuple[str, str] | None:
    """Return name and password from a file or from RAG_AUTH, both in the form "name:password"; None if there is neither.

    source: path of the file, which takes precedence; None for RAG_AUTH. Raises SettingsError if the file cannot be read or the
    form is wrong.
    """
    text = os.environ.get("RAG_AUTH", "")
    if source is not None:
        try:
            text = Path(source).read_text(encoding="utf-8-sig").strip()
        except OSError as error:
            raise SettingsError(f"The password file {source} cannot be read ({error.strerror}).") from error
        except UnicodeDecodeError:
            raise SettingsError(f"The password file {source} is not UTF-8; expected name:password.") from None
    if not text and source is None:
        return None
    name, colon, password = text.partition(":")
    if not (name and colon and password):
        raise SettingsError("The password has the wrong form; expected name:password in RAG_AUTH or in the --auth file.")
    return name, password


def bind(host: str, port: int, auth: tuple[str, str] | None, allow_public: bool) -> socket.socket:
    """Return a socket bound to an address; port 0 picks a free port.

    allow_public: accept an address that other machines can reach without a password. Raises SettingsError for such an address
    otherwise, and for one that cannot be used.
    """
    if host not in LOOPBACK and auth is None and not allow_public:
        raise SettingsError(
            f"Other machines can reach {host}, but no password is set; set RAG_AUTH=name:password, or use --allow-public."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:  # OSError: taken, or not this machine's; OverflowError: not a port
        bound.close()
        why = error.strerror if isinstance(error, OSError) else "a port is a number from 0 to 65535"
        raise SettingsError(f"The address {host}:{port} cannot be used ({why}); choose another with --port.") from error
    return bound


def address_of(bound: socket.socket) -> str:
    """Return the URL at which this machine reaches a server on a socket."""
    host, port = bound.getsockname()[:2]
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{own}]:{port}" if ":" in own else f"http://{own}:{port}"


def serve(app: FastAPI, bound: socket.socket, end: Callable[[], None]) -> None:
    """Serve on a socket until interrupted.

    end: called on interruption, to end the answers in progress; open connections get one more second.
    """

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await to_thread.run_sync(end)
            await super().shutdown(sockets)

    with suppress(KeyboardInterrupt):  # uvicorn raises it again after its shutdown
        Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)).run(sockets=[bound])
