"""Serve one pipeline to the benchmark from a separate process, where its start and its memory can be measured.

Run as `python -m rag.bench.worker KIND`. Each line of standard input is a JSON object {"do": NAME, …}, answered by one line of
JSON on standard output; the first line of output, before any request, says that the pipeline is ready.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import IO, Any

from rag.bench.contestant import Contestant, peak_mib, speed
from rag.errors import RagError
from rag.settings import Settings


def open_contestant(kind: str, settings: Settings) -> Contestant:
    """Return a pipeline that is ready to answer; import only what that pipeline needs."""
    if kind == "plain":
        from rag.bench.against import Plain

        return Plain(settings)
    from rag.bench.ours import Ahead, Ours

    return Ahead(settings) if kind == "ahead" else Ours(settings)


def handle(contestant: Contestant, request: Mapping[str, Any]) -> dict[str, Any]:
    """Return the reply to one request; raise RagError if it is unknown."""
    match request["do"]:
        case "ask":
            return asdict(contestant.ask(request["question"], request["history"]))
        case "search":
            return asdict(contestant.search(request["question"]))
        case "rebuilds":
            return {name: asdict(remade) for name, remade in contestant.rebuilds().items()}
        case "speed":
            return asdict(speed(contestant.engine, request["text"]))
        case "peak":
            return {"mib": peak_mib()}
        case other:
            raise RagError(f"The request {other!r} is unknown to the benchmark.")


def serve(make: Callable[[], Contestant], requests: IO[str], replies: IO[str]) -> None:
    """Answer requests until there are no more; a RagError is sent to the benchmark, which raises it again."""

    def reply(work: Callable[[], dict[str, Any]]) -> None:
        try:
            told = work()
        except RagError as error:
            told = {"error": str(error)}
        replies.write(json.dumps(told, ensure_ascii=False) + "\n")
        replies.flush()

    made: list[Contestant] = []

    def ready() -> dict[str, Any]:
        made.append(make())
        return {"ready": True}

    reply(ready)
    for line in requests:
        reply(lambda line=line: handle(made[0], json.loads(line)))  # type: ignore[misc]


def main() -> None:
    """Serve the pipeline named on the command line; libraries' output is redirected to standard error."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    serve(lambda: open_contestant(sys.argv[1], Settings.load()), sys.stdin, replies)


if __name__ == "__main__":
    main()
