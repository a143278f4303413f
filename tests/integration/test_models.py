"""Test which engine runs a generator, which replaces it if it fails, and which models are needed; nothing is fetched."""

from pathlib import Path
from unittest.mock import Mock

import pytest
from gguf_files import write_gguf

from rag import weights
from rag.errors import GenerationError, SettingsError
from rag.generation import int8, int8_linear, llama_cpp
from rag.models import engine_of, needed, open_generator
from rag.settings import Settings

KNOWN = "qwen2.5-coder-1.5b"


@pytest.fixture(autouse=True)
def nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ensure", "fetch"):
        monkeypatch.setattr(weights, name, lambda *arguments: pytest.fail("a model was fetched"))


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Return the paths of a user's own generators and the name of a known one, by kind."""
    for name in ("hub/config.json", "both/config.json", "both/model.gguf", "broken.gguf"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    chats = {"general.architecture": "qwen2", "tokenizer.chat_template": "{{ messages }}"}
    files = {
        "qwen2.gguf": chats,
        "unstretched.gguf": chats | {"qwen2.rope.scaling.type": "none", "split.count": 1},
        "stretched.gguf": chats | {"qwen2.rope.scaling.type": "yarn"},
        "part.gguf": chats | {"split.count": 2},
        "base.gguf": {"general.architecture": "qwen2"},
        "llama.gguf": chats | {"general.architecture": "llama"},
    }
    for name, metadata in files.items():
        write_gguf(tmp_path / name, metadata, {})
    names = ("hub", "both", "broken.gguf", *files)
    return {"known": KNOWN} | {name: str(tmp_path / name) for name in names}


@pytest.mark.parametrize(
    ("generator", "fast", "slow"),
    [
        ("known", "int8", "llama_cpp"),
        ("qwen2.gguf", "int8", "llama_cpp"),
        ("unstretched.gguf", "int8", "llama_cpp"),
        ("stretched.gguf", "llama_cpp", "llama_cpp"),
        ("part.gguf", "llama_cpp", "llama_cpp"),
        ("base.gguf", "llama_cpp", "llama_cpp"),
        ("llama.gguf", "llama_cpp", "llama_cpp"),
        ("broken.gguf", "llama_cpp", "llama_cpp"),
        ("both", "llama_cpp", "llama_cpp"),
        ("hub", "transformers", "transformers"),
    ],
)
def test_the_default_engine_depends_on_the_file_and_the_processor(
    own: dict[str, str], monkeypatch: pytest.MonkeyPatch, generator: str, fast: str, slow: str
) -> None:
    settings = Settings.load({}, generator=own[generator])
    for supported, engine in ((True, fast), (False, slow)):
        monkeypatch.setattr(int8_linear, "supported", lambda supported=supported: supported)
        assert engine_of(settings) == engine


@pytest.mark.parametrize("engine", ["int8", "llama_cpp", "transformers"])
@pytest.mark.parametrize("generator", ["known", "hub", "qwen2.gguf"])
def test_a_requested_engine_is_used_whatever_the_generator(own: dict[str, str], engine: str, generator: str) -> None:
    assert engine_of(Settings.load({}, engine=engine, generator=own[generator])) == engine


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> object:
    """Make the 8-bit engine fail to load, and return the object that replaces the llama.cpp engine."""
    engine = object()
    monkeypatch.setattr(int8_linear, "supported", lambda: True)
    monkeypatch.setattr(int8, "Int8Generator", Mock(side_effect=GenerationError("It cannot be run.")))
    monkeypatch.setattr(llama_cpp, "LlamaCppGenerator", lambda *arguments: engine)
    return engine


def test_llama_cpp_replaces_a_failed_8_bit_engine_that_was_not_requested(
    own: dict[str, str], opened: object, caplog: pytest.LogCaptureFixture
) -> None:
    assert open_generator(Settings.load({}, generator=own["qwen2.gguf"])) is opened
    assert caplog.messages == ["The 8-bit engine failed, so llama.cpp runs the model: It cannot be run."]


def test_a_requested_8_bit_engine_that_fails_raises_its_error(own: dict[str, str], opened: object) -> None:
    with pytest.raises(GenerationError, match=r"^It cannot be run\.$"):
        open_generator(Settings.load({}, generator=own["qwen2.gguf"], engine="int8"))


@pytest.mark.parametrize(
    ("generator", "engine"),
    [("hub", "transformers.Transformers"), ("qwen2.gguf", "int8.Int8"), ("llama.gguf", "llama_cpp.LlamaCpp")],
)
def test_every_local_engine_receives_the_requested_number_of_threads(
    own: dict[str, str], monkeypatch: pytest.MonkeyPatch, generator: str, engine: str
) -> None:
    made = Mock()
    monkeypatch.setattr(int8_linear, "supported", lambda: True)
    monkeypatch.setattr(f"rag.generation.{engine}Generator", made)
    open_generator(Settings.load({}, generator=own[generator], threads=3))
    assert 3 in (*made.call_args.args, *made.call_args.kwargs.values())


def test_offline_only_a_server_on_this_machine_is_accepted() -> None:
    for here in ("http://127.0.0.1:9/v1", "http://localhost:9/v1", "http://[::1]:9/v1"):
        open_generator(Settings.load({}, base_url=here, offline=True)).close()
    with pytest.raises(SettingsError, match=r"^RAG_OFFLINE is set and base_url is on another machine; unset "):
        open_generator(Settings.load({}, base_url="https://192.0.2.1/v1", offline=True))
    open_generator(Settings.load({}, base_url="https://192.0.2.1/v1")).close()


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
def test_the_default_generator_is_needed_unless_a_path_or_a_server_replaces_it(
    changes: dict[str, str], names: list[str]
) -> None:
    assert needed(Settings.load({}, **changes)) == names
