"""Rebuild the index of a corpus, and print what was done: `python index/rebuild.py [SOURCE …]`.

Each SOURCE is a text file or a folder of *.txt files; without one, the corpus of the settings is indexed (RAG_CORPUS, or
the article that is included). Only new texts are embedded.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rag.cli import run

if TYPE_CHECKING:
    from rag.documents import Document
    from rag.settings import Settings
    from rag.store import Rebuilt


def main() -> int:
    """Rebuild the index and return the exit code."""
    parser = argparse.ArgumentParser(description="Rebuild the index; only new texts are embedded.")
    parser.add_argument(
        "sources",
        nargs="*",
        type=Path,
        metavar="SOURCE",
        help="a text file, or a folder of *.txt files; by default the corpus of the settings",
    )
    options = parser.parse_args()
    return run(lambda: _rebuild(options.sources))


def _rebuild(sources: Sequence[Path]) -> int:
    from rag.documents import read_corpus  # imported here: `run` handles an interruption of the long import
    from rag.settings import Settings

    started = time.monotonic()
    settings = Settings.load()
    documents = read_corpus(*(sources or [settings.corpus]))
    done = _rebuilt(settings, documents)
    seconds = time.monotonic() - started
    _tell(done, settings, seconds)
    if sources and {path.resolve() for path in sources} != {settings.corpus.resolve()}:
        print(f"To ask about it, set RAG_CORPUS to {sources[0] if len(sources) == 1 else 'a folder with only these sources'}.")
    return 0


def _rebuilt(settings: Settings, documents: Sequence[Document]) -> Rebuilt:
    from rag.errors import IndexStoreError
    from rag.library import stored
    from rag.pipeline import Rag
    from rag.progress import bar
    from rag.store import Rebuilt

    try:
        index = stored(settings, documents)
    except IndexStoreError:
        return Rag(settings, documents=documents).rebuild(bar("index", "text"))
    return Rebuilt.of(index)  # up to date, as found without loading a model


def _tell(done: Rebuilt, settings: Settings, seconds: float) -> None:
    if not done.why:
        print(f"Nothing changed: {done.passages} passages, {done.sentences} sentences in {settings.store} ({seconds:.1f} s).")
        return
    print(f"{done.why}.")
    print(
        f"Rebuilt {settings.store}: {done.passages} passages, {done.sentences} sentences; "
        f"{done.embedded} of {done.rows} texts embedded ({seconds:.1f} s)."
    )


if __name__ == "__main__":
    sys.exit(main())
