import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from fakes import FakeEmbedder

from rag.examples import LISTS, Examples, embed_examples
from rag.settings import Settings
from rag.templates import Templates


class Counting(FakeEmbedder):
    def __init__(self, identity: str = "bigrams") -> None:
        super().__init__(identity)
        self.asked = 0

    def queries(self, texts: Sequence[str]) -> np.ndarray:
        self.asked += len(texts)
        return super().queries(texts)


@pytest.fixture
def templates() -> Templates:
    return Templates(Settings().prompts)


def test_every_example_is_embedded_as_a_unit_vector(templates: Templates) -> None:
    examples = embed_examples(templates, FakeEmbedder())
    for name in LISTS:
        assert examples[name].shape[0] == len(templates.lines(name))
        assert np.allclose(np.linalg.norm(examples[name], axis=1), 1.0)


def test_cached_examples_are_not_embedded_again(templates: Templates, tmp_path: Path) -> None:
    kept = tmp_path / "store" / "examples.npz"
    first = embed_examples(templates, FakeEmbedder(), kept)
    embedder = Counting()
    again = embed_examples(templates, embedder, kept)
    assert embedder.asked == 0
    assert all(np.array_equal(first[name], again[name]) for name in LISTS)


def test_another_embedder_does_not_use_the_cached_vectors(templates: Templates, tmp_path: Path) -> None:
    kept = tmp_path / "examples.npz"
    embed_examples(templates, FakeEmbedder(), kept)
    other = Counting("another")
    embed_examples(templates, other, kept)
    assert other.asked == sum(len(templates.lines(name)) for name in LISTS)


def assert_computed_again(templates: Templates, kept: Path, right: Examples) -> None:
    embedder = Counting()
    found = embed_examples(templates, embedder, kept)
    assert embedder.asked == sum(len(right[name]) for name in LISTS)
    assert all(np.array_equal(right[name], found[name]) for name in LISTS)


@pytest.mark.parametrize("place", [0.02, 0.3, 0.5, 0.7, 0.99])
def test_the_vectors_are_computed_again_if_a_bit_of_the_cache_file_is_flipped(
    templates: Templates, tmp_path: Path, place: float
) -> None:
    kept = tmp_path / "examples.npz"
    right = embed_examples(templates, FakeEmbedder(), kept)
    data = bytearray(kept.read_bytes())
    data[int(len(data) * place)] ^= 0x10
    kept.write_bytes(data)
    assert_computed_again(templates, kept, right)


@pytest.mark.parametrize("place", [0.0, 0.02, 0.3, 0.5, 0.7, 0.99])
def test_the_vectors_are_computed_again_if_the_cache_file_is_truncated(
    templates: Templates, tmp_path: Path, place: float
) -> None:
    kept = tmp_path / "examples.npz"
    right = embed_examples(templates, FakeEmbedder(), kept)
    data = kept.read_bytes()
    kept.write_bytes(data[: int(len(data) * place)])
    assert_computed_again(templates, kept, right)


@pytest.mark.parametrize(("field", "bit"), [(6, 0x80), (8, 0x01)], ids=["of a version to come", "encrypted"])
def test_the_vectors_are_computed_again_if_the_zip_directory_of_the_cache_file_is_damaged(
    templates: Templates, tmp_path: Path, field: int, bit: int
) -> None:
    kept = tmp_path / "examples.npz"
    right = embed_examples(templates, FakeEmbedder(), kept)
    data = bytearray(kept.read_bytes())
    data[data.index(b"PK\x01\x02") + field] ^= bit
    kept.write_bytes(data)
    assert_computed_again(templates, kept, right)


def test_an_unwritable_cache_folder_causes_only_a_warning(
    templates: Templates, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").write_text("not a folder")
    assert set(embed_examples(templates, FakeEmbedder(), tmp_path / "file" / "examples.npz")) == set(LISTS)
    assert "each start computes them" in caplog.text
    assert os.listdir(tmp_path) == ["file"]
