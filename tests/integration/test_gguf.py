"""Test that a GGUF file is read as it was written, and that a broken one raises a one-sentence error."""

from pathlib import Path

import numpy as np
import pytest
from gguf_files import PACKINGS, floats, packed, unpacked, write_gguf

from rag.errors import GenerationError
from rag.generation.gguf import GGUF

TOLD = {"general.architecture": "qwen2", "deep": 28, "small": 0.5, "yes": True, "words": ["a", "杭州", ""], "kinds": [1, 3]}


def test_metadata_is_read_as_written(tmp_path: Path) -> None:
    assert GGUF(write_gguf(tmp_path / "a.gguf", TOLD, {})).metadata == TOLD


@pytest.mark.parametrize("kind", PACKINGS)
def test_quantised_tensors_are_unpacked_as_the_format_specifies(tmp_path: Path, kind: int) -> None:
    columns = 2 * PACKINGS[kind][0]
    data = packed(kind, 5, columns)
    file = GGUF(write_gguf(tmp_path / "a.gguf", TOLD, {"first": floats([1.0]), "matrix": (kind, (5, columns), data)}))
    expected = unpacked(kind, data, columns)
    assert np.abs(expected).max() > 0.01
    np.testing.assert_allclose(file.rows("matrix").numpy(), expected, rtol=1e-6, atol=1e-7)
    np.testing.assert_array_equal(file.rows("matrix", 1, 3), file.rows("matrix")[1:3])
    np.testing.assert_array_equal(file.gather("matrix", [4, 0, 4]), file.rows("matrix")[[4, 0, 4]])


def test_vectors_and_shapes_are_read_as_written(tmp_path: Path) -> None:
    file = GGUF(write_gguf(tmp_path / "a.gguf", TOLD, {"bias": floats([1, 2, 3]), "matrix": floats(np.eye(2, 4))}))
    assert file.rows("bias").tolist() == [1, 2, 3]
    assert file.shape("matrix") == (2, 4)
    assert "bias" in file
    assert "other" not in file
    assert file.readable()


def test_a_file_with_an_unknown_quantisation_is_not_readable(tmp_path: Path) -> None:
    assert not GGUF(write_gguf(tmp_path / "a.gguf", TOLD, {"odd": (23, (1, 256), bytes(136))})).readable()


@pytest.mark.parametrize(
    "data", [b"", b"GGUF", b"not a model at all, but long enough", b"GGUF" + bytes([3, 0, 0, 0]) + b"\xff" * 16]
)
def test_a_file_that_is_not_gguf_raises_a_one_sentence_error(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "bad.gguf").write_bytes(data)
    with pytest.raises(GenerationError, match=r"bad\.gguf cannot be read as a GGUF file .*; fetch the model again\.$"):
        GGUF(tmp_path / "bad.gguf")


def test_a_missing_file_raises_an_error(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="No such file"):
        GGUF(tmp_path / "none.gguf")


def test_a_truncated_file_raises_an_error(tmp_path: Path) -> None:
    path = write_gguf(tmp_path / "cut.gguf", TOLD, {"matrix": floats(np.ones((64, 64)))})
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(GenerationError, match="is truncated"):
        GGUF(path).rows("matrix")


def test_a_missing_tensor_is_named_in_the_error(tmp_path: Path) -> None:
    with pytest.raises(GenerationError, match="contains no tensor 'output'"):
        GGUF(write_gguf(tmp_path / "a.gguf", TOLD, {})).rows("output")
