"""Serve the page safely: loopback by default, a closed set of headers, and two addresses for those who watch.

`/healthz` says whether questions can be answered; `/metrics` counts in Prometheus' text format. Where a password is set, a
stranger learns the state alone.
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
from rag.ui.desk import Answerer, Desk
from rag.ui.page import create_app

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
"""Bytes that a request may have: about twice what fifty long turns take, which is the most that a browser keeps and sends."""
THREADS = 512
"""Twice as many as the page lets wait."""
LOOPBACK = ("127.0.0.1", "localhost", "::1", "[::1]")
"""Names of this machine; a page that another site has the browser fetch under its own name is refused (DNS rebinding)."""
LEADING = (b"x-forwarded-", b"x-gradio-server")
"""How headers begin by which a caller could tell Gradio that the page is elsewhere; uvicorn has read a proxy's own before."""


def create_server(
    answerer: Answerer,
    feedback_path: Path,
    address: str,
    auth: tuple[str, str] | None = None,
    hosts: Sequence[str] = LOOPBACK,
) -> FastAPI:
    """Return the web application: the page, `/healthz` and `/metrics`.

    address: where this machine reaches it. auth: name and password that a reader must give. hosts: names by which it may
    be reached, ("*",) for any.
    """
    app = FastAPI(title="why-hangzhou", docs_url=None, redoc_url=None, openapi_url=None, lifespan=_room)
    desk = Desk(answerer, feedback_path)
    app.add_middleware(_Leaving, stop=desk.stop)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(hosts), www_redirect=False)
    app.add_middleware(_Guard)
    known = partial(_same, auth) if auth else None

    @app.get("/healthz")
    def healthz() -> JSONResponse:
        state, why = answerer.status()
        told = {"state": state} if auth else {"state": state, "why": why}  # the reason may name this machine's folders
        return JSONResponse(told, status_code=200 if state == "ready" else 503)

    def admit(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> None:
        if known and not known(given.username, given.password):
            raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})

    @app.get("/metrics", dependencies=[Depends(admit)] if auth else [])
    def metrics() -> PlainTextResponse:
        return PlainTextResponse(answerer.metrics(), media_type="text/plain; version=0.0.4")

    page = create_app(desk)
    served: FastAPI = gr.mount_gradio_app(
        app,
        page,
        path="/",
        auth=known,
        **look(),
        ssr_mode=False,
        footer_links=[],
        show_error=False,  # what is meant for a reader is told anyway
        mcp_server=auth is None,  # behind a password, Gradio 6.31 lists the tools to anyone and can call none of them
        allowed_paths=[],
    )
    if page.mcp_server_obj:  # it would take its own address from the first call's headers, and keep it
        page.mcp_server_obj._local_url = address
    return served


@asynccontextmanager
async def _room(app: FastAPI) -> AsyncIterator[None]:
    """Let more readers wait than the 40 threads that are usual: whoever waits holds one, and stopping needs one too."""
    to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


class _Guard:
    """Put the headers on every response, and let in no request that is too large or leads the page elsewhere."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        app = self._app
        if scope["type"] == "http":
            scope["headers"] = [header for header in scope["headers"] if not header[0].startswith(LEADING)]
            app = _refusal(scope) or app
        await app(scope, receive, sending)


def _refusal(scope: Scope) -> ASGIApp | None:
    """Return what answers a request that is not let in, None for the others. The page has no use for files."""
    headers = Headers(scope=scope)
    if scope["path"].endswith("/gradio_api/upload"):
        return PlainTextResponse("This page takes no files.", 403)
    if "transfer-encoding" in headers:
        return PlainTextResponse("A request must say how long it is.", 411)
    if int(headers.get("content-length", "0")) > LARGEST_REQUEST:
        return PlainTextResponse(f"A request may have {LARGEST_REQUEST:,} bytes.", 413)
    return None


class _Leaving:
    """Notice who hangs up before the answer is there: Gradio drops the answer, but lets its work go on."""

    def __init__(self, app: ASGIApp, stop: Callable[[str], None]) -> None:
        self._app = app
        self._stop = stop

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        session = _awaited(scope) if scope["type"] == "http" else ""
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


def _awaited(scope: Scope) -> str:
    """Return the session whose answers a request awaits; a single call's event is its own session."""
    path = str(scope["path"])
    if "/gradio_api/call/" in path and scope["method"] == "GET":
        return path.rstrip("/").rsplit("/", 1)[1]
    if path.endswith("/gradio_api/queue/data"):
        return str(parse_qs(scope["query_string"].decode("latin-1")).get("session_hash", [""])[0])
    return ""


def _same(auth: tuple[str, str], name: str, password: str) -> bool:
    """Tell in constant time whether a name and a password are those that must be given."""
    return all([secrets.compare_digest(a.encode(), b.encode()) for a, b in zip((name, password), auth, strict=True)])


def read_auth(source: str | None) -> tuple[str, str] | None:
    """Return the name and password that a file or RAG_AUTH holds as "name:password", or None where there is neither."""
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
    """Return a socket for an address; port 0 is any that is free.

    Raises SettingsError for an address that is taken, or open to others without a password.
    """
    if host not in LOOPBACK and auth is None and not allow_public:
        raise SettingsError(
            f"The host {host} lets other machines in and no password is set; set RAG_AUTH=name:password, or say --allow-public."
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:  # taken or not this machine's; no port at all
        bound.close()
        why = error.strerror if isinstance(error, OSError) else "a port is a number from 0 to 65535"
        raise SettingsError(f"The address {host}:{port} cannot be used ({why}); choose another with --port.") from error
    return bound


def address_of(bound: socket.socket) -> str:
    """Return where this machine reaches what is served on a socket."""
    host, port = bound.getsockname()[:2]
    own = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{own}]:{port}" if ":" in own else f"http://{own}:{port}"


def serve(app: FastAPI, bound: socket.socket, end: Callable[[], None]) -> None:
    """Serve on a socket until interrupted.

    end: called then, to end the answers under way; open connections get one more second.
    """

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await to_thread.run_sync(end)
            await super().shutdown(sockets)

    with suppress(KeyboardInterrupt):  # an interrupted server raises it again once it has ended
        Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)).run(sockets=[bound])
