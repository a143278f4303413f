"""Which engine runs a generator, and whose files it needs, is told without fetching anything."""

from pathlib import Path

import pytest

from rag import weights
from rag.models import by_transformers, needed
from rag.settings import Settings

KNOWN = "qwen2.5-coder-1.5b"


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ensure", "fetch"):
        monkeypatch.setattr(weights, name, lambda *arguments: pytest.fail("a model was fetched"))


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Return generators of a user's own, and a known one, by kind."""
    for name in ("hub/config.json", "both/config.json", "both/model.gguf", "model.gguf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    return {"known": KNOWN} | {name: str(tmp_path / name) for name in ("hub", "both", "model.gguf")}


@pytest.mark.parametrize(
    ("engine", "generator", "runs"),
    [
        *[("auto", "known", False), ("auto", "model.gguf", False), ("auto", "both", False), ("auto", "hub", True)],
        *[("transformers", kind, True) for kind in ("known", "model.gguf", "both", "hub")],
        *[("llama_cpp", kind, False) for kind in ("known", "model.gguf", "both", "hub")],
    ],
)
def test_transformers_runs_what_it_is_told_to_and_a_folder_without_a_gguf_file(
    own: dict[str, str], engine: str, generator: str, runs: bool
) -> None:
    assert by_transformers(Settings.load({}, engine=engine, generator=own[generator])) is runs


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({}, ["embeddinggemma-300m", KNOWN]),
        ({"generator": "/models/own.gguf"}, ["embeddinggemma-300m"]),
        ({"base_url": "http://127.0.0.1:9/v1"}, ["embeddinggemma-300m"]),
        ({"base_url": "http://127.0.0.1:9/v1", "engine": "transformers"}, ["embeddinggemma-300m", KNOWN]),
    ],
    ids=["as shipped", "a path of the user's own", "a server", "not the server"],
)
def test_a_path_of_the_users_own_and_a_server_need_no_files(changes: dict[str, str], names: list[str]) -> None:
    assert needed(Settings.load({}, **changes)) == names
