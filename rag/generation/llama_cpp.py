"""Generate with llama.cpp inside this process (the `xllamacpp` wheel): the default on a CPU that is slow with 8-bit numbers.

The engine opens a port on loopback, protected by a random key that never leaves this process. Prompts are cached in memory and
matched by their longest common prefix.
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
from rag.generation.worker import Abandoned, Emit, Worker
from rag.machine import cores


class LlamaCppGenerator:
    """Run one GGUF model.

    model: verified GGUF file. context: its context window, in tokens. threads: 0 means one per core. cache_mib: MiB of memory
    for cached prompts.
    """

    BATCH = 128
    """Tokens read between two checks of `stop`; also the step of the progress bar."""

    SPECULATION = 3, 8
    """Number of last tokens that must repeat earlier ones, and number of tokens after that occurrence that are then verified in
    one step (prompt lookup decoding): a draft copies much of its evidence."""

    def __init__(self, model: Path, context: int, threads: int = 0, cache_mib: int = 768) -> None:
        import xllamacpp

        parameters = xllamacpp.CommonParams()
        parameters.n_parallel = 1
        parameters.n_batch = self.BATCH
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = threads or cores()
        parameters.cache_ram_mib = cache_mib
        # A memory-mapped file stays in memory in addition to the copy repacked for the processor; a file that is read does not.
        parameters.load_mode = xllamacpp.llama_load_mode.LLAMA_LOAD_MODE_NONE
        speculation = parameters.speculative
        speculation.types = [xllamacpp.common_speculative_type.COMMON_SPECULATIVE_TYPE_NGRAM_SIMPLE]
        speculation.ngram_simple.size_n, speculation.ngram_simple.size_m = self.SPECULATION
        self._server, _ = open_server(parameters, model, context)
        self._worker = Worker("llama.cpp")
        self.name = f"llama.cpp {model.stem}"

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the progress of reading, the text as it is written, and finally the usage."""
        request = {"messages": prompt.chat(), "max_tokens": max_tokens, "temperature": 0.0, "return_progress": True}
        if prompt.grammar:
            request["grammar"] = prompt.grammar
        for chunk in self._chunks(request, stop):
            yield from _steps(chunk)

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return the probability of each choice as the first token, zero if it is not among the 40 likeliest."""
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
        """Read a prompt into the engine's cache."""
        for _ in self._chunks({"messages": prompt.chat(), "max_tokens": 1, "temperature": 0.0, "return_progress": True}, stop):
            pass

    def close(self) -> None:
        """Release the engine and end its thread."""
        self._server = None
        self._worker.end()

    def _chunks(self, request: dict[str, Any], stop: Stop) -> Iterator[dict[str, Any]]:
        """Yield the chunks of the engine, which runs in its own thread and can be stopped while it works."""
        server = self._server
        if server is None:
            raise GenerationError("The engine is closed; make a new one.")

        def work(emit: Emit, abandoned: Abandoned) -> None:
            def receive(chunk: Any) -> bool:
                with contextlib.suppress(ValueError):
                    emit(json.loads(chunk) if isinstance(chunk, (str, bytes)) else chunk)
                return abandoned()

            server.handle_chat_completions({**request, "stream": True, "cache_prompt": True}, receive)

        for chunk in self._worker.run(work, stop):
            if "error" in chunk:
                if chunk["error"].get("type") == "exceed_context_size_error":
                    raise PromptTooLongError.of(int(chunk["error"]["n_prompt_tokens"]), int(chunk["error"]["n_ctx"]))
                raise GenerationError(f"The engine refused the prompt: {chunk['error'].get('message', chunk['error'])}.")
            yield chunk


def open_server(parameters: Any, model: Path, context: int) -> tuple[Any, str]:
    """Load a GGUF file into llama.cpp's server; return the server and the API key of its port on loopback.

    parameters: an `xllamacpp.CommonParams` with all other options. Raises GenerationError if the file cannot be loaded.
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
