"""Make a model of two small files, and the packages that carry it in parts."""

import hashlib
import io
import zipfile
from pathlib import Path

import pytest

from rag import weights
from rag.errors import WeightsError
from rag.settings import Settings
from rag.weight_sources import Carrier, Model, WeightFile

BIG = bytes(range(256)) * 300
SMALL = b"{}"
CONTENT = {"model.bin": BIG, "sub/config.json": SMALL}
FILES = tuple(WeightFile(path, len(body), hashlib.sha256(body).hexdigest()) for path, body in CONTENT.items())


def archive() -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for path, body in CONTENT.items():
            file.writestr(f"inside/{path}", body)
    return made.getvalue()


ARCHIVE = archive()
MODEL = Model(
    "toy", "embedder", "none", "who/what", "v1", FILES, Carrier("toy", "0.{part}", 3, "toy/chunk.bin", "inside/", len(ARCHIVE))
)


def assert_whole(folder: Path) -> None:
    assert {path: (folder / path).read_bytes() for path in CONTENT} == CONTENT
    assert not (folder / ".partial").exists()


def failure(settings: Settings, *sources: object) -> str:
    with pytest.raises(WeightsError) as error:
        weights.fetch("toy", settings, sources)  # type: ignore[arg-type]
    return str(error.value)


def advice(settings: Settings, *reasons: str) -> str:
    return (
        f"The model toy could not be fetched ({'; '.join(reasons)}). Check the network and try again, or copy the files to "
        f"{settings.weights / 'toy'} by hand."
    )


def wheel(requirement: str, folder: Path) -> Path:
    """Make the wheel of one part as the package index would deliver it."""
    part = int(requirement.removeprefix("toy==0."))
    third = len(ARCHIVE) // 3 + 1
    path = folder / "toy.whl"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("toy/chunk.bin", ARCHIVE[(part - 1) * third : part * third])
    return path
