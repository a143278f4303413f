"""Generate on any server with OpenAI's chat completions API: vLLM, llama.cpp, Ollama and others.

The answer arrives as server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html), one JSON
object per `data:` line. Nothing that a server sends is trusted, and the API key never appears in an error message.
"""

from __future__ import annotations

import asyncio
import codecs
import contextlib
import ipaddress
import json
import math
import queue
import re
import threading
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from typing import Any

import httpx

from rag.errors import GenerationError, PromptTooLongError, SettingsError
from rag.generation import Choice, Piece, Prompt, Step, Stop, Usage
from rag.generation.worker import listen

_ADVICE = {
    401: "check api_key",
    403: "check api_key",
    404: "check base_url and remote_model",
    429: "try again later",
}
_NO_LOGPROBS = frozenset({400, 422, 501})
"""Status codes with which servers refuse to give log-probabilities."""
_THOUGHTS = re.compile(r"\A\s*<think>.*?</think>\s*", re.DOTALL)
"""The reasoning that some models write before an answer, if the server does not remove it."""


class _RefusedError(GenerationError):
    """The server answered with a status that is not success."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class OpenAIGenerator:
    """Run one model on one server.

    base_url: as for OpenAI's clients, usually ending in `/v1`. api_key: empty means none. timeout_s: seconds that one
    request may take, from the first byte sent to the last one received. Raises SettingsError if these cannot be used.
    """

    CONNECT_S = 10.0
    LONGEST_LINE = 1 << 20
    """In bytes; a longer line cannot be an event of a chat."""
    TOP = 20
    """Number of log-probabilities requested per token; OpenAI and vLLM give no more."""

    def __init__(self, base_url: str, api_key: str, model: str, timeout_s: float) -> None:
        try:
            url = httpx.URL(base_url.strip())
        except httpx.InvalidURL as error:
            raise SettingsError(f"base_url is not a URL ({error}); use one such as http://127.0.0.1:8080/v1.") from None
        if url.scheme not in {"http", "https"} or not url.host:
            raise SettingsError(
                f"base_url={shown(url)!r} is not the URL of a server; use one such as http://127.0.0.1:8080/v1."
            )
        if not (api_key.strip().isascii() and api_key.strip().isprintable()):
            raise SettingsError("api_key contains characters that are not allowed in an HTTP header; use the key as issued.")
        self._url = url.copy_with(path=url.path.rstrip("/").removesuffix("/chat/completions") + "/chat/completions")
        self._key = api_key.strip()
        self._model = model
        self._timeout_s = timeout_s
        try:
            self._tls = httpx.create_ssl_context()
        except OSError as error:
            raise SettingsError(f"The certificates cannot be read ({error}); correct SSL_CERT_FILE or SSL_CERT_DIR.") from error
        self._closed = False
        self.name = f"openai {model}"

    @property
    def is_local(self) -> bool:
        """Whether the server is on this machine."""
        return is_loopback(self._url.host)

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the text as the server sends it, without the model's reasoning, and finally the usage if it is reported."""
        yield from _without_reasoning(self._content(prompt, max_tokens, stop))

    def _content(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        request = {"messages": prompt.chat(), "max_tokens": max_tokens, "stream_options": {"include_usage": True}}
        usage: Usage | None = None
        for chunk in self._chunks(request, stop):
            for choice in _objects(chunk, "choices"):
                text = _object(choice, "delta").get("content")
                if isinstance(text, str) and text:
                    yield Piece(text)
            usage = _usage(chunk) or usage
        if usage is not None:
            yield usage

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token; zeros if the server gives no log-probabilities."""
        found = dict.fromkeys(choices, 0.0)
        usage = Usage(0, 0, 0)
        options = {"max_tokens": 1, "logprobs": True, "top_logprobs": self.TOP, "stream_options": {"include_usage": True}}
        try:
            for chunk in self._chunks({"messages": prompt.chat(), **options}, stop):
                usage = _usage(chunk) or usage
                for choice in _objects(chunk, "choices"):
                    for token in _objects(_object(choice, "logprobs"), "content")[:1]:
                        for candidate in _objects(token, "top_logprobs"):
                            word = str(candidate.get("token")).strip()
                            if word in found:
                                found[word] += _chance(candidate.get("logprob"))
        except _RefusedError as error:
            if error.status not in _NO_LOGPROBS:
                raise
        return Choice(tuple(found[choice] for choice in choices), usage)

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Do nothing: it is unknown whether a server caches prompts, and reading one could cost money or delay other users."""

    def close(self) -> None:
        """Refuse further requests; there is nothing to close, since each request has its own connection."""
        self._closed = True

    def _chunks(self, request: dict[str, Any], stop: Stop) -> Iterator[dict[str, Any]]:
        """Yield the server's chunks, received in a thread with its own event loop that can be cancelled at any point.

        Name resolution, connecting and waiting for a silent server all end at once. Closing this generator closes the
        connection, by which servers learn that the request was abandoned.
        """
        if self._closed:
            raise GenerationError("The engine is closed; make a new one.")
        chunks: queue.Queue[dict[str, Any] | BaseException | None] = queue.Queue()
        loop = asyncio.new_event_loop()

        async def receive() -> None:
            async for chunk in self._receive({"model": self._model, "temperature": 0.0, "stream": True, **request}):
                chunks.put(chunk)

        task = loop.create_task(receive())

        def work() -> None:
            try:
                loop.run_until_complete(task)
                chunks.put(None)
            except asyncio.CancelledError:
                pass
            except Exception as error:  # of any kind: `listen` raises it in the caller's thread
                chunks.put(error)
            finally:
                loop.run_until_complete(loop.shutdown_asyncgens())
                loop.close()

        worker = threading.Thread(target=work, name="openai", daemon=True)
        worker.start()
        deadline = time.monotonic() + self._timeout_s

        def stopped_or_late() -> bool:
            if stop():
                return True
            if time.monotonic() > deadline:
                raise GenerationError(f"{self._server_label} did not finish within {self._timeout_s:g} s (timeout_s).")
            return False

        try:
            yield from listen(chunks, stopped_or_late, self._as_error)
        finally:
            with contextlib.suppress(RuntimeError):  # the loop has already ended
                loop.call_soon_threadsafe(task.cancel)
            worker.join(timeout=1)

    async def _receive(self, request: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        """Yield the chunks of one request."""
        headers = {"Accept": "text/event-stream"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        timeout = httpx.Timeout(self._timeout_s + 5, connect=min(self._timeout_s, self.CONNECT_S))
        # A proxy from the environment is only for remote servers: requests to this machine must not leave it.
        async with (
            httpx.AsyncClient(timeout=timeout, verify=self._tls, trust_env=not self.is_local) as client,
            client.stream("POST", self._url, json=request, headers=headers) as response,
        ):
            if not response.is_success:
                raise self._refusal(response.status_code, await self._error_body(response))
            finished = False
            async for line in self._lines(response):
                field, _, value = line.removeprefix(codecs.BOM_UTF8).partition(b":")
                if field == b"data" and value.strip() == b"[DONE]":
                    return
                chunk = self._parse(field, value.strip())
                if chunk is not None:
                    finished = finished or any(choice.get("finish_reason") for choice in _objects(chunk, "choices"))
                    yield chunk
            if not finished:
                raise GenerationError(f"{self._server_label} ended its reply before the answer was complete.")

    async def _lines(self, response: httpx.Response) -> AsyncIterator[bytes]:
        r"""Yield lines as bytes, split at \n only: httpx would also split at U+2028, and silently replace invalid UTF-8."""
        rest = b""
        async for block in response.aiter_bytes():
            *lines, rest = (rest + block).split(b"\n")
            for line in lines:
                yield line.rstrip(b"\r")
            if len(rest) > self.LONGEST_LINE:
                raise GenerationError(f"{self._server_label} sent something that is not a stream of chat completions.")
        if rest:
            yield rest.rstrip(b"\r")

    def _parse(self, field: bytes, value: bytes) -> dict[str, Any] | None:
        """Return the chunk in a line; None for comments, blank lines and other fields of an event."""
        if field in {b"", b"event", b"id", b"retry"} or (field == b"data" and not value):
            return None
        try:
            chunk = json.loads(value.decode("utf-8")) if field in {b"data", b"error"} else None
        except UnicodeDecodeError:
            raise GenerationError(f"{self._server_label} sent text that is not UTF-8.") from None
        except (ValueError, RecursionError):
            chunk = None
        if not isinstance(chunk, dict):
            raise GenerationError(f"{self._server_label} sent something that is not a stream of chat completions.")
        if field == b"error" or chunk.get("error") or chunk.get("object") == "error":
            raise _too_long(chunk) or GenerationError(f"{self._server_label} failed: {self._safe(_message(chunk))}.")
        return chunk

    async def _error_body(self, response: httpx.Response) -> Any:
        """Return the JSON body of an error response, of which a few kilobytes are read; None if it is not valid JSON."""
        body = b""
        with contextlib.suppress(httpx.HTTPError):
            async for block in response.aiter_bytes():
                body += block
                if len(body) > 4096:
                    break
        try:
            return json.loads(body)
        except (ValueError, RecursionError):  # usually a proxy's HTML page, which adds nothing to the status
            return None

    def _refusal(self, status: int, body: Any) -> GenerationError:
        phrase = f"{status} {httpx.codes.get_reason_phrase(status)}".strip()
        reason = "" if body is None else self._safe(_message(body))
        because = f" ({reason})" if reason else ""
        advice = f"; {_ADVICE[status]}" if status in _ADVICE else ""
        return _too_long(body) or _RefusedError(f"{self._server_label} answered {phrase}{because}{advice}.", status)

    def _as_error(self, error: BaseException) -> GenerationError:
        """Return the GenerationError for a failed request, its message one sentence."""
        reason = self._safe(str(error)) or type(error).__name__
        if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout)):
            return GenerationError(
                f"{self._server_label} could not be reached ({reason}); check base_url and that the server is running."
            )
        return GenerationError(f"{self._server_label} failed: {reason}.")

    @property
    def _server_label(self) -> str:
        return f"The server at {shown(self._url)} (model {self._model!r})"

    def _safe(self, text: str) -> str:
        """Return a server's message on one line of about 200 characters at most, without the API key or the URL's password."""
        for secret in (self._key, self._url.password):
            text = text.replace(secret, "…") if secret else text
        text = " ".join(text.split())
        return (text if len(text) <= 200 else text[:200] + "…").rstrip(" .")


def _without_reasoning(steps: Iterable[Step]) -> Iterator[Step]:
    """Yield steps without the reasoning that precedes the answer."""
    buffer, started = "", False
    for step in steps:
        if started or not isinstance(step, Piece):
            yield step
            continue
        buffer += step.text
        thinks = "<think>".startswith(buffer.lstrip()[: len("<think>")]) and "</think>" not in buffer
        if not thinks and (answer := _THOUGHTS.sub("", buffer)):
            started = True
            yield Piece(answer)


def _object(chunk: dict[str, Any], name: str) -> dict[str, Any]:
    value = chunk.get(name)
    return value if isinstance(value, dict) else {}


def _objects(chunk: dict[str, Any], name: str) -> list[dict[str, Any]]:
    value = chunk.get(name)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _chance(logprob: Any) -> float:
    """Return the probability for a server's log-probability, at most 1; zero if the value is not a finite number."""
    with contextlib.suppress(TypeError, ValueError, OverflowError):
        if math.isfinite(number := float(logprob)):
            return math.exp(min(number, 0.0))
    return 0.0


def _usage(chunk: dict[str, Any]) -> Usage | None:
    usage = _object(chunk, "usage")
    prompt, written = usage.get("prompt_tokens"), usage.get("completion_tokens")
    if not (isinstance(prompt, int) and isinstance(written, int)):
        return None
    cached = _object(usage, "prompt_tokens_details").get("cached_tokens")
    return Usage(prompt=prompt, read=prompt - (cached if isinstance(cached, int) else 0), written=written)


def _too_long(body: Any) -> PromptTooLongError | None:
    """Return the error for a prompt that exceeds the server's context, None if the response reports something else."""
    error = _object(body, "error") if isinstance(body, dict) else {}
    if error.get("type") != "exceed_context_size_error" and error.get("code") != "context_length_exceeded":
        return None
    tokens, context = error.get("n_prompt_tokens"), error.get("n_ctx")
    if isinstance(tokens, int) and isinstance(context, int):
        return PromptTooLongError.of(tokens, context)
    return PromptTooLongError("The prompt has more tokens than the server's context; shorten the question.")


def _message(body: Any) -> str:
    """Return the message of an error object, in any of the forms that servers use."""
    for name in ("error", "message", "detail"):
        if isinstance(body, dict) and body.get(name):
            body = body[name]
    return body if isinstance(body, str) else json.dumps(body, ensure_ascii=False)


def shown(url: httpx.URL) -> str:
    """Return a URL without its user, password and query."""
    return str(url.copy_with(username=None, password=None, query=None))


def is_loopback(host: str) -> bool:
    """Return whether a host, given by name or address, is this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
