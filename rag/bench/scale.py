"""Measure how the cost of indexing and searching grows with the corpus, on synthetic vectors and terms.

The vectors are distributed like an embedder's: all share a common direction, fields contain topics of very different sizes,
and a question is less similar to its passage than passages of one topic are to each other. The index is of the kind that the
project uses for a corpus of that size, saved and memory-mapped from disk; recall is relative to an exhaustive search.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import bm25s
import faiss
import numpy as np
import numpy.typing as npt

from rag.bench.contestant import timed
from rag.bench.environment import machine
from rag.embedding import Vectors
from rag.index import Index, term_index, vector_index
from rag.places import Members, Passages, Sentences

SIZES = (10_000, 100_000, 1_000_000)
DIMENSIONS = (256, 768)
QUERIES = 200
DEPTH = 10
TOPIC = 200
"""Mean number of vectors in a topic."""
FIELD = 30
"""Mean number of topics in a field."""
LENGTH = 60
"""Terms of a synthetic passage: about as many as there are bigrams in a hundred characters."""
BLOCK = 100_000
"""Vectors generated, or compared, at a time."""


def made_vectors(count: int, dimensions: int, queries: int, seed: int = 0) -> tuple[Vectors, Vectors]:
    """Return synthetic unit vectors, (count, dimensions), and unit queries, (queries, dimensions), each near one of them."""
    random = np.random.default_rng(seed)
    spread = (np.arange(dimensions) + 8.0) ** -0.5
    random.shuffle(spread)
    spread = (spread / np.linalg.norm(spread)).astype(np.float32)

    def drawn(rows: int) -> Vectors:
        made: Vectors = random.standard_normal((rows, dimensions), dtype=np.float32) * spread
        return made

    topics = max(1, count // TOPIC)
    fields = max(1, topics // FIELD)
    centres = 0.6 * drawn(1) + 0.4 * drawn(fields)[random.integers(0, fields, topics)] + 0.4 * drawn(topics)
    share = random.lognormal(0.0, 1.0, topics)
    topic = random.choice(topics, count, p=share / share.sum())
    vectors = np.empty((count, dimensions), np.float32)
    for start in range(0, count, BLOCK):
        part = vectors[start : start + BLOCK]
        part[:] = centres[topic[start : start + BLOCK]] + 0.57 * drawn(len(part))
    asked = random.choice(count, queries, replace=False)
    asking = _unit(0.5 * centres[topic[asked]] + 0.5 * vectors[asked] + 0.85 * drawn(queries))
    for start in range(0, count, BLOCK):
        vectors[start : start + BLOCK] = _unit(vectors[start : start + BLOCK])
    return vectors, asking


def _unit(vectors: Vectors) -> Vectors:
    unit: Vectors = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def made_terms(count: int, queries: int, seed: int = 0) -> tuple[list[list[str]], list[list[str]]]:
    """Return the terms of synthetic passages, distributed by Zipf's law, and queries of twelve terms of a passage each."""
    random = np.random.default_rng(seed)
    vocabulary = 20 * round(count**0.6) + 1_000  # Heaps' law
    share = 1.0 / (np.arange(vocabulary) + 3.0)
    numbers = random.choice(vocabulary, (count, LENGTH), p=share / share.sum())
    words = [f"t{number}" for number in range(vocabulary)]
    passages = [[words[number] for number in row] for row in numbers]
    return passages, [passages[place][:12] for place in random.choice(count, queries, replace=False)]


def exact(vectors: Vectors, asking: Vectors, depth: int = DEPTH) -> npt.NDArray[np.int64]:
    """Return the rows nearest to each query by exhaustive search, best first, shape (queries, depth)."""
    nearest = faiss.ResultHeap(nq=len(asking), k=depth, keep_max=True)
    for start in range(0, len(vectors), BLOCK):
        part = faiss.IndexFlatIP(vectors.shape[1])
        part.add(vectors[start : start + BLOCK])
        scores, rows = part.search(asking, depth)
        nearest.add_result(scores, rows + start)
    nearest.finalize()
    return np.asarray(nearest.I)


def dense(count: int, dimensions: int, folder: Path) -> dict[str, Any]:
    """Return the cost of indexing and searching synthetic vectors, and the recall."""
    vectors, asking = made_vectors(count, dimensions, QUERIES)
    wanted = exact(vectors, asking)
    build_s, made = timed(partial(vector_index, vectors))
    path = folder / f"{count}x{dimensions}.faiss"
    faiss.write_index(made, str(path))
    del made, vectors
    load_s, index = timed(partial(faiss.read_index, str(path), faiss.IO_FLAG_MMAP_IFC))
    searched = _index(count, vectors=index)
    found, seconds = _each(list(asking), lambda query: searched.dense(query, DEPTH))
    right = [len({hit.passage for hit in hits} & set(row.tolist())) / DEPTH for hits, row in zip(found, wanted, strict=True)]
    size = path.stat().st_size
    path.unlink()
    return {
        "what": f"vectors of {dimensions}",
        "count": count,
        "kind": type(index).__name__,
        "build_s": build_s,
        "load_s": load_s,
        "bytes": size,
        "recall": float(np.mean(right)),
        **_percentiles(seconds),
    }


def lexical(count: int, folder: Path) -> dict[str, Any]:
    """Return the cost of indexing and searching synthetic terms; BM25 scores every passage, so no recall is measured."""
    passages, asking = made_terms(count, QUERIES)
    build_s, made = timed(partial(term_index, passages))
    path = folder / f"{count}.terms"
    made.save(str(path), corpus=None, show_progress=False)
    del made, passages
    load_s, index = timed(lambda: bm25s.BM25.load(str(path), load_corpus=False, mmap=True, show_progress=False))
    searched = _index(count, lexicon=index)
    _, seconds = _each(asking, lambda query: searched.lexical(query, DEPTH))
    size = sum(file.stat().st_size for file in path.iterdir())
    return {
        "what": "BM25",
        "count": count,
        "kind": "BM25",
        "build_s": build_s,
        "load_s": load_s,
        "bytes": size,
        "recall": None,
        **_percentiles(seconds),
    }


def _index(count: int, vectors: Any = None, lexicon: Any = None) -> Index:
    """Return an index for dense search alone, or for lexical search alone."""
    nothing = np.empty((0, 4), np.int64)
    each = np.arange(count, dtype=np.int64)
    return Index((), Sentences((), nothing), Passages((), nothing), Members(nothing), each, each, vectors, lexicon)


def _each(asking: Sequence[Any], search: Callable[[Any], Any]) -> tuple[list[Any], list[float]]:
    """Return the hits and the seconds of each query; the first query also runs once before, unmeasured, as a warm-up."""
    search(asking[0])
    done = [timed(partial(search, query)) for query in asking]
    return [found for _, found in done], [seconds for seconds, _ in done]


def _percentiles(seconds: Sequence[float]) -> dict[str, float]:
    p50, p95 = np.percentile(seconds, [50, 95])
    return {"p50_ms": 1e3 * float(p50), "p95_ms": 1e3 * float(p95)}


def measure(sizes: Sequence[int] = SIZES, dimensions: Sequence[int] = DIMENSIONS) -> dict[str, Any]:
    """Return the figures of every size and dimension as plain JSON values."""
    rows = []
    term_index([["warm"]])  # the first call also imports what bm25s depends on
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for count in sizes:
            for width in dimensions:
                _say(f"{count:,} vectors of {width} dimensions")
                rows.append(dense(count, width, folder))
            _say(f"{count:,} passages of {LENGTH} terms")
            rows.append(lexical(count, folder))
    return {"machine": machine(), "queries": QUERIES, "depth": DEPTH, "rows": rows}


def table(told: Mapping[str, Any]) -> str:
    """Return the figures as a Markdown table."""
    lines = [
        f"| what | how many | index | build (s) | MB | load (s) | p50, p95 (ms) | recall@{told['depth']} |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for row in told["rows"]:
        recall = "exact" if row["recall"] is None else f"{row['recall']:.3f}"
        lines.append(
            f"| {row['what']} | {row['count']:,} | {row['kind']} | {row['build_s']:.1f} | {row['bytes'] / 1e6:,.0f} | "
            f"{row['load_s']:.2f} | {row['p50_ms']:.2f}, {row['p95_ms']:.2f} | {recall} |"
        )
    return "\n".join(lines)


def plot(told: Mapping[str, Any], path: Path) -> None:
    """Plot build time, bytes, search time and recall against the size of the corpus."""
    from matplotlib.figure import Figure

    canvas = Figure(figsize=(11, 3.4), layout="constrained")
    shown = (
        ("build_s", "build (s)"),
        ("bytes", "bytes"),
        ("p50_ms", "search, p50 (ms)"),
        ("recall", f"recall@{told['depth']}"),
    )
    for axes, (name, label) in zip(canvas.subplots(1, len(shown)), shown, strict=True):
        for what in dict.fromkeys(row["what"] for row in told["rows"]):
            rows = [row for row in told["rows"] if row["what"] == what and row[name] is not None]
            axes.plot([row["count"] for row in rows], [row[name] for row in rows], "o-", label=what)
        axes.set_xscale("log")
        axes.set_title(label, fontsize=10)
        axes.grid(alpha=0.3)
        if name == "recall":
            axes.set_ylim(0.9, 1.005)
        else:
            axes.set_yscale("log")
    canvas.legend(*canvas.axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(told["rows"]))
    canvas.savefig(path, dpi=130)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
