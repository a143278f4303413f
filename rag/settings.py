"""Define the settings: one frozen value from defaults, RAG_* variables and arguments, in increasing order of precedence.

Reading settings has no side effects: no folder is made and no variable is set. The parameters that were tuned on the project's
questions are in `rag/tuned.toml`, with the command that tuned them.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args, get_type_hints

from rag.errors import SettingsError

Engine = Literal["auto", "int8", "llama_cpp", "transformers", "openai"]
Rebuild = Literal["auto", "never"]

_RANGES = (("threads", 0, 512), ("context", 512, 1 << 20), ("max_tokens", 1, 1 << 20), ("timeout_s", 0.001, 86_400))

_PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = _PACKAGE.parent


def _shipped(name: str, in_checkout: str) -> Path:
    """Return a folder of the installed package or, in a checkout, of the repository."""
    installed = _PACKAGE / "shipped" / name
    return installed if installed.is_dir() else _CHECKOUT / in_checkout


def cache_folder() -> Path:
    """Return this project's folder in the user's cache folder (XDG Base Directory Specification)."""
    base = os.environ.get("XDG_CACHE_HOME")
    try:
        return (Path(base) if base else Path.home() / ".cache") / "why-hangzhou"
    except RuntimeError:
        raise SettingsError("The home folder is unknown, so there is no cache folder; set HOME or XDG_CACHE_HOME.") from None


def _default_store() -> Path:
    installed = (_PACKAGE / "shipped").is_dir()
    return cache_folder() / "store" if installed else _CHECKOUT / "index" / "store"


@dataclass(frozen=True)
class Settings:
    """The settings of a chatbot.

    corpus: folder of `*.txt` sources, or one file. store: folder of the built index. prompts: folder of templates. weights:
    folder of model files. embedder, generator: names in `weights.toml`; the generator may also be a path to a GGUF file or a
    transformers folder. engine: what runs the generator. base_url, api_key, remote_model: an OpenAI-compatible server. rebuild:
    "never" raises an error for an index that does not match, instead of rebuilding it. offline: never use the network. threads:
    of the engines that run on the CPU; 0 means one per core, or OMP_NUM_THREADS. context: tokens in the context of the engines
    for GGUF files. max_tokens: maximum length of an answer. timeout_s: maximum time for one answer, in seconds. read_ahead: in
    idle time, read the beginnings of prompts, translate sentences into English and write questions to suggest. log_questions:
    include questions in the log.
    """

    corpus: Path = field(default_factory=lambda: _shipped("corpus", "index/corpus"))
    store: Path = field(default_factory=_default_store)
    prompts: Path = field(default_factory=lambda: _shipped("prompts", "prompts"))
    weights: Path = field(default_factory=lambda: cache_folder() / "weights")
    embedder: str = "embeddinggemma-300m"
    generator: str = "qwen2.5-coder-1.5b"
    engine: Engine = "auto"
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    remote_model: str = "default"
    rebuild: Rebuild = "auto"
    offline: bool = False
    threads: int = 0
    context: int = 4096
    max_tokens: int = 320
    timeout_s: float = 120.0
    read_ahead: bool = True
    log_questions: bool = False

    def __post_init__(self) -> None:
        """Raise SettingsError for values of the wrong type or out of range."""
        for name, kind in get_type_hints(type(self)).items():
            value = getattr(self, name)
            if choices := get_args(kind):
                if value not in choices:
                    raise SettingsError(f"{name}={value!r} is not valid; use one of {', '.join(choices)}.")
            elif not isinstance(value, (int, float) if kind is float else kind) or isinstance(value, bool) != (kind is bool):
                raise SettingsError(f"{name} is of type {type(value).__name__}; use a value of type {kind.__name__}.")
        for name, least, most in _RANGES:
            if not least <= getattr(self, name) <= most:
                raise SettingsError(f"{name}={getattr(self, name)!r} is out of range; use a number from {least} to {most}.")
        if self.engine == "openai" and not self.base_url:
            raise SettingsError(
                "engine='openai' needs a server; set base_url (RAG_BASE_URL), for example http://127.0.0.1:8080/v1."
            )

    @property
    def remote(self) -> bool:
        """Return whether an OpenAI-compatible server generates, instead of a model in this process."""
        return self.engine == "openai" or (self.engine == "auto" and bool(self.base_url))

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **changes: Any) -> Settings:
        """Return the settings given by the environment and the arguments.

        environ: where RAG_* variables are looked up; by default the environment of the process. changes: values by name, which
        take precedence; None, like an empty variable, counts as not given. Raises SettingsError for an unknown name, a variable
        with a name similar to a setting's, or a wrong value.
        """
        environ = os.environ if environ is None else environ
        hints = get_type_hints(cls)
        known = {each.name for each in fields(cls)}
        values: dict[str, Any] = {}
        for variable, text in environ.items():
            name = variable.removeprefix("RAG_").lower()
            if not variable.startswith("RAG_") or not text:
                continue
            if name in known:
                values[name] = _parse(variable, text, hints[name])
            elif meant := get_close_matches(name, known - {name}, n=1, cutoff=0.8):
                raise SettingsError(f"{variable} is not a setting; correct it to RAG_{meant[0].upper()}, or unset it.")
        for name, value in changes.items():
            if name not in known:
                raise SettingsError(f"{name!r} is not a setting; use one of {', '.join(sorted(known))}.")
            if value is not None:
                values[name] = Path(value) if hints[name] is Path and isinstance(value, (str, os.PathLike)) else value
        return cls(**values)


def _parse(name: str, text: str, kind: Any) -> Any:
    """Return the value of a variable's text as the given type."""
    if kind is bool:
        if text.lower() not in {"0", "1", "true", "false", "yes", "no"}:
            raise SettingsError(f"{name}={text!r} is not a Boolean; use 1 or 0.")
        return text.lower() in {"1", "true", "yes"}
    if kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            raise SettingsError(f"{name}={text!r} is not {'an integer' if kind is int else 'a number'}.") from None
    return _expanded(name, text) if kind is Path else text


def _expanded(name: str, text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:
        raise SettingsError(f"{name}={text!r} refers to an unknown home folder; write the full path.") from None
