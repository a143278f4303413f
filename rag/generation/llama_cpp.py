"""Generate with llama.cpp inside this process (the `xllamacpp` wheel): the default on a CPU that is slow with 8-bit numbers.

The engine opens a port on loopback; it is keyed with a random secret that never leaves this process. Prompts that were
read are kept in memory and found again by their longest common beginning.
"""

from __future__ import annotations

import contextlib
import json
import math
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rag.errors import GenerationError, PromptTooLongError
from rag.generation import Choice, Piece, Prompt, Reading, Step, Stop, Usage
from rag.generation.listening import Left, Tell, Worker
from rag.machine import cores


class LlamaCppGenerator:
    """Run one GGUF model.

    model: verified GGUF file. context: tokens it can hold. threads: 0 means one a core. cache_mib: memory for prompts
    that were read.
    """

    BATCH = 128
    """Tokens read between two looks at whether to stop; also the step of the progress bar."""

    SPECULATION = 3, 8
    """Tokens that must repeat earlier ones, and how many more of those are then tried at once (prompt lookup decoding):
    a draft copies much of its evidence."""

    def __init__(self, model: Path, context: int, threads: int = 0, cache_mib: int = 768) -> None:
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.n_parallel = 1
        parameters.n_batch = self.BATCH
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads or cores()
        parameters.cache_ram_mib = cache_mib
        # A mapped file stays in memory beside the copy that is laid out for the processor; a read one does not.
        parameters.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
        speculation = parameters.speculative
        speculation.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
        speculation.ngram_simple.size_n, speculation.ngram_simple.size_m = self.SPECULATION
        self._server, _ = open_server(parameters, model, context)
        self._worker = Worker("llama.cpp")
        self.name = f"llama.cpp {model.stem}"

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield progress, text and usage as the engine makes them."""
        request = {"messages": prompt.chat(), "max_tokens": max_tokens, "temperature": 0.0, "return_progress": True}
        if prompt.grammar:
            request["grammar"] = prompt.grammar
        for chunk in self._chunks(request, stop):
            yield from _steps(chunk)

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token."""
        options = {"logprobs": True, "top_logprobs": 40, "return_progress": True}
        request = {"messages": prompt.chat(), "max_tokens": 1, "temperature": 0.0, **options}
        found = dict.fromkeys(choices, 0.0)
        usage = Usage(0, 0, 0)
        for chunk in self._chunks(request, stop):
            usage = _usage(chunk) or usage
            for choice in chunk.get("choices", ()):
                for token in (choice.get("logprobs") or {}).get("content", ())[:1]:
                    for candidate in token["top_logprobs"]:
                        word = candidate["token"].strip()
                        if word in found:
                            found[word] += math.exp(candidate["logprob"])
        return Choice(tuple(found[choice] for choice in choices), usage)

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Read a prompt and keep it."""
        for _ in self._chunks({"messages": prompt.chat(), "max_tokens": 1, "temperature": 0.0, "return_progress": True}, stop):
            pass

    def close(self) -> None:
        """Let go of the engine."""
        self._server = None
        self._worker.end()

    def _chunks(self, request: dict[str, Any], stop: Stop) -> Iterator[dict[str, Any]]:
        """Yield the engine's chunks from its own thread, so that a reader who stops is heard while it works."""
        server = self._server
        if server is None:
            raise GenerationError("The engine is closed; make a new one.")

        def work(tell: Tell, left: Left) -> None:
            def receive(chunk: Any) -> bool:
                with contextlib.suppress(ValueError):
                    tell(json.loads(chunk) if isinstance(chunk, (str, bytes)) else chunk)
                return left()

            server.handle_chat_completions({**request, "stream": True, "cache_prompt": True}, receive)

        for chunk in self._worker.run(work, stop):
            if "error" in chunk:
                if chunk["error"].get("type") == "exceed_context_size_error":
                    raise PromptTooLongError.of(int(chunk["error"]["n_prompt_tokens"]), int(chunk["error"]["n_ctx"]))
                raise GenerationError(f"The engine refused the prompt: {chunk['error'].get('message', chunk['error'])}.")
            yield chunk


def open_server(parameters: Any, model: Path, context: int) -> tuple[Any, str]:
    """Load a GGUF file into llama.cpp's server; return it with the secret that its port on loopback asks for.

    parameters: an `xllamacpp.CommonParams` that holds what else is chosen. Raises GenerationError where it cannot be loaded.
    """
    import xllamacpp

    key = secrets.token_urlsafe(32)
    parameters.model.path = str(model)
    parameters.n_ctx = context
    parameters.verbosity = -1
    parameters.ui = False
    parameters.endpoint_slots = False
    parameters.cors_origins = ""
    parameters.api_keys = [key]
    try:
        return xllamacpp.Server(parameters), key
    except Exception as error:
        raise GenerationError(f"llama.cpp could not load {model}: {error}.") from error


def _steps(chunk: dict[str, Any]) -> Iterator[Step]:
    progress = chunk.get("prompt_progress")
    if progress and progress["total"] > progress["cache"]:
        yield Reading((progress["processed"] - progress["cache"]) / (progress["total"] - progress["cache"]))
    for choice in chunk.get("choices", ()):
        text = (choice.get("delta") or {}).get("content")
        if text:
            yield Piece(text)
    usage = _usage(chunk)
    if usage is not None:
        yield usage


def _usage(chunk: dict[str, Any]) -> Usage | None:
    timings = chunk.get("timings")
    if not timings:
        return None
    cached, read = int(timings["cache_n"]), int(timings["prompt_n"])
    return Usage(prompt=cached + read, read=read, written=int(timings["predicted_n"]))
