"""Describe the stored index of a small article: its recipe, its files and the errors of loading it."""

import json
from pathlib import Path

import pytest
from fakes import ARTICLE

from rag.documents import Document
from rag.errors import IndexStoreError
from rag.store import Recipe, load

LONGEST = 100
FILES = (
    *("current.json", "manifest.json", "documents.json", "vectors.faiss"),
    *("sentences.npy", "passages.npy", "members.npy", "owners.npy", "rows.npy"),
    *(f"terms/{part}" for part in ("data.csc.index.npy", "indices.csc.index.npy", "indptr.csc.index.npy")),
    *("terms/params.index.json", "terms/vocab.index.json"),
)
REMEDY = "; run python index/rebuild.py, or set RAG_REBUILD=auto."


def article(text: str = ARTICLE) -> list[Document]:
    return [Document("article.txt", text)]


def recipe(text: str = ARTICLE, identity: str = "bigrams", longest: int = LONGEST) -> Recipe:
    return Recipe.of(article(text), identity, longest)


def build_of(store: Path) -> Path:
    return store / json.loads((store / "current.json").read_text())["build"]


def place(store: Path, name: str) -> Path:
    return store / name if name == "current.json" else build_of(store) / name


def failure(store: Path, wanted: Recipe | None = None) -> str:
    with pytest.raises(IndexStoreError) as error:
        load(store, wanted or recipe())
    return str(error.value)


def replace(path: Path, data: bytes) -> None:
    """Replace a file by one with other content, without changing the hard links that other tests have to it."""
    path.unlink()
    path.write_bytes(data)
