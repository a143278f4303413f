from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

from rag.errors import SettingsError
from rag.settings import Settings, cache_folder


def failure(environ: dict[str, str] | None = None, **changes: object) -> str:
    with pytest.raises(SettingsError) as error:
        Settings.load(environ or {}, **changes)
    return str(error.value)


def test_the_defaults_are_the_shipped_article_and_prompts() -> None:
    settings = Settings.load({})
    assert (settings.corpus / "why-hangzhou.txt").is_file()
    assert (settings.prompts / "zh" / "system.txt").is_file()
    assert (settings.engine, settings.rebuild, settings.offline, settings.read_ahead) == ("auto", "auto", False, True)


def test_environment_variables_are_parsed_by_the_type_of_their_setting() -> None:
    environ = {
        "RAG_CORPUS": "/somewhere/corpus",
        "RAG_ENGINE": "transformers",
        "RAG_THREADS": "3",
        "RAG_TIMEOUT_S": "1.5",
        "RAG_OFFLINE": "1",
        "RAG_READ_AHEAD": "no",
        "RAG_UNHEARD_OF": "x",
        "OTHER": "y",
    }
    settings = Settings.load(environ)
    assert settings.corpus == Path("/somewhere/corpus")
    assert (settings.engine, settings.threads, settings.timeout_s) == ("transformers", 3, 1.5)
    assert (settings.offline, settings.read_ahead) == (True, False)


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("TRUE", True), ("yes", True), ("0", False), ("False", False), ("no", False)]
)
def test_a_boolean_variable_accepts_digits_and_words_in_any_case(text: str, value: bool) -> None:
    assert Settings.load({"RAG_OFFLINE": text}).offline is value


def test_arguments_override_variables_and_none_counts_as_not_given() -> None:
    environ = {"RAG_MAX_TOKENS": "7", "RAG_STORE": "/from/environ"}
    settings = Settings.load(environ, max_tokens=9, store=None, corpus="/as/text")
    assert (settings.max_tokens, settings.store, settings.corpus) == (9, Path("/from/environ"), Path("/as/text"))


def test_a_tilde_in_a_path_is_expanded_to_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/reader")
    assert Settings.load({"RAG_WEIGHTS": "~/models"}).weights == Path("/home/reader/models")


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"RAG_ENGINE": "magic"}, "engine='magic' is not valid; use one of auto, int8, llama_cpp, transformers, openai."),
        ({"RAG_REBUILD": "maybe"}, "rebuild='maybe' is not valid; use one of auto, never."),
        ({"RAG_OFFLINE": "perhaps"}, "RAG_OFFLINE='perhaps' is not a Boolean; use 1 or 0."),
        ({"RAG_THREADS": "many"}, "RAG_THREADS='many' is not an integer."),
        ({"RAG_TIMEOUT_S": "soon"}, "RAG_TIMEOUT_S='soon' is not a number."),
        ({"RAG_THREADS": "1.5"}, "RAG_THREADS='1.5' is not an integer."),
        ({"RAG_THREADS": "-1"}, "threads=-1 is out of range; use a number from 0 to 512."),
        ({"RAG_CONTEXT": "100"}, "context=100 is out of range; use a number from 512 to 1048576."),
        ({"RAG_MAX_TOKENS": "0"}, "max_tokens=0 is out of range; use a number from 1 to 1048576."),
        ({"RAG_TIMEOUT_S": "0"}, "timeout_s=0.0 is out of range; use a number from 0.001 to 86400."),
        ({"RAG_TIMEOUT_S": "nan"}, "timeout_s=nan is out of range; use a number from 0.001 to 86400."),
        ({"RAG_THREADS": "1000"}, "threads=1000 is out of range; use a number from 0 to 512."),
        ({"RAG_CORPSU": "/texts"}, "RAG_CORPSU is not a setting; correct it to RAG_CORPUS, or unset it."),
        (
            {"RAG_STORE": "~nobody-here/store"},
            "RAG_STORE='~nobody-here/store' refers to an unknown home folder; write the full path.",
        ),
        (
            {"RAG_ENGINE": "openai"},
            "engine='openai' needs a server; set base_url (RAG_BASE_URL), for example http://127.0.0.1:8080/v1.",
        ),
    ],
)
def test_an_invalid_variable_raises_an_error_with_advice(environ: dict[str, str], said: str) -> None:
    assert failure(environ) == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"threads": "4"}, "threads is of type str; use a value of type int."),
        ({"threads": True}, "threads is of type bool; use a value of type int."),
        ({"context": 4096.5}, "context is of type float; use a value of type int."),
        ({"offline": "0"}, "offline is of type str; use a value of type bool."),
        ({"offline": 0}, "offline is of type int; use a value of type bool."),
        ({"timeout_s": "5"}, "timeout_s is of type str; use a value of type float."),
        ({"api_key": b"secret"}, "api_key is of type bytes; use a value of type str."),
        ({"corpus": 3}, "corpus is of type int; use a value of type Path."),
    ],
)
def test_an_argument_of_the_wrong_type_raises_an_error_with_the_right_type(changes: dict[str, object], said: str) -> None:
    assert failure(**changes) == said


def test_timeout_s_may_be_an_integer() -> None:
    assert Settings.load({}, timeout_s=5).timeout_s == 5


@pytest.mark.parametrize("environ", [{"RAG_OFF_LINE": ""}, {"RAG_AUTH": "a:b"}, {"RAG_TOP_K": "5", "RAG_EMBEDDING_MODEL": "x"}])
def test_variables_of_other_programs_are_ignored(environ: dict[str, str]) -> None:
    assert Settings.load(environ) == Settings.load({})


def test_an_empty_variable_counts_as_not_set() -> None:
    assert Settings.load({"RAG_CORPUS": "", "RAG_READ_AHEAD": "", "RAG_THREADS": ""}) == Settings.load({})


def test_the_api_key_is_not_in_the_repr() -> None:
    assert "secret" not in repr(Settings.load({"RAG_API_KEY": "secret"}))


@pytest.fixture
def homeless(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", fail)


@pytest.mark.usefixtures("homeless")
def test_an_unknown_home_folder_raises_an_error_with_advice() -> None:
    assert failure() == "The home folder is unknown, so there is no cache folder; set HOME or XDG_CACHE_HOME."


@pytest.mark.usefixtures("homeless")
@pytest.mark.parametrize(("environ", "changes"), [({"RAG_WEIGHTS": "/models"}, {}), ({}, {"weights": "/models"})])
def test_no_home_folder_is_needed_if_the_weights_folder_is_given(environ: dict[str, str], changes: dict[str, str]) -> None:
    assert Settings.load(environ, **changes).weights == Path("/models")


def test_an_unknown_setting_raises_an_error_that_lists_the_known_ones() -> None:
    said = failure(colour="red")
    assert said.startswith("'colour' is not a setting; use one of api_key, base_url, context, corpus, ")
    assert said.endswith("weights.")


def test_settings_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        Settings.load({}).offline = True  # type: ignore[misc]


def test_reading_settings_creates_no_folder(tmp_path: Path) -> None:
    Settings.load({"RAG_STORE": str(tmp_path / "store"), "RAG_WEIGHTS": str(tmp_path / "weights")})
    assert list(tmp_path.iterdir()) == []


def test_the_cache_folder_is_in_xdg_cache_home_or_else_in_the_home_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/caches")
    assert cache_folder() == Path("/caches/why-hangzhou")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/reader")
    assert cache_folder() == Path("/home/reader/.cache/why-hangzhou")
