"""Embed the example questions below `prompts/`; questions are classified by their similarity to them.

The vectors are cached in a file, since embedding the examples takes longer than loading an index.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from filelock import FileLock

from rag.embedding import Embedder, Vectors
from rag.templates import Templates
from rag.text import normalize

LISTS = ("intents/small_talk", "intents/instruction", "asked/account", "asked/detail", "asked/whole")
Examples = Mapping[str, Vectors]
"""The vectors of each list, shape (lines, dimensions)."""

_LOG = logging.getLogger("rag")
_KEY = "made of"


def embed_examples(templates: Templates, embedder: Embedder, kept: Path | None = None) -> Examples:
    """Return the vectors of every list.

    kept: cache file. It is rebuilt if it was made from other lines or by another embedder, or is damaged (its format has
    checksums).
    """
    lines = {name: [normalize(line) for line in templates.lines(name)] for name in LISTS}
    key = hashlib.sha256(json.dumps([embedder.identity, lines]).encode()).hexdigest()
    found = _read(kept, key) if kept else None
    if found is None:
        found = {name: embedder.queries(of_list) for name, of_list in lines.items()}
        if kept:
            _keep(kept, key, found)
    return found


def _read(kept: Path, key: str) -> Examples | None:
    try:
        with np.load(kept, allow_pickle=False) as stored:
            return {name: stored[name] for name in LISTS} if str(stored[_KEY]) == key else None
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, EOFError, RuntimeError, zipfile.BadZipFile) as error:
        _LOG.warning("The cached vectors of the examples in %s cannot be read (%s); they are computed again.", kept, error)
        return None


def _keep(kept: Path, key: str, vectors: Examples) -> None:
    written = kept.with_suffix(".tmp")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(f"{kept}.lock"):
            with written.open("wb") as file:
                np.savez(file, allow_pickle=False, **{_KEY: np.asarray(key)}, **vectors)
            os.replace(written, kept)
    except OSError as error:
        _LOG.warning("The vectors of the examples cannot be cached in %s (%s); each start computes them.", kept, error.strerror)
