"""Rebuild the index of a corpus, and say what was done: `python index/rebuild.py [SOURCE …]`.

SOURCE is a folder of *.txt files or text files; without one, the corpus that ships is indexed. Only texts that are new are
embedded.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from rag.cli import run
from rag.pipeline import Rag
from rag.settings import Settings


def main() -> int:
    """Rebuild, and return the exit code."""
    parser = argparse.ArgumentParser(description="Rebuild the index; only texts that are new are embedded.")
    parser.add_argument("source", nargs="?", type=Path, metavar="SOURCE", help="a folder of *.txt files, or one file")
    options = parser.parse_args()
    return run(lambda: _rebuild(options.source))


def _rebuild(source: Path | None) -> int:
    started = time.monotonic()
    settings = Settings.load(corpus=source)
    done = Rag(settings).rebuild(_bar)
    seconds = time.monotonic() - started
    if not done.why:
        print(f"Nothing changed: {done.passages} passages, {done.sentences} sentences in {settings.store} ({seconds:.1f} s).")
        return 0
    print(f"{done.why}.")
    print(
        f"Rebuilt {settings.store}: {done.passages} passages, {done.sentences} sentences; "
        f"{done.embedded} of {done.rows} texts embedded ({seconds:.1f} s)."
    )
    return 0


def _bar(done: int, total: int) -> None:
    width = 30 * done // total
    print(
        f"\r[{'#' * width}{' ' * (30 - width)}] {done}/{total}",
        end="\n" if done == total else "",
        file=sys.stderr,
        flush=True,
    )


if __name__ == "__main__":
    sys.exit(main())
