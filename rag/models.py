"""Open the embedder and the generator that the settings name; files are verified before they are loaded.

This module chooses the engine for a model and a machine; the engines are in `generation/`.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path

from rag import weights
from rag.embedding import Embedder, SentenceTransformerEmbedder
from rag.errors import GenerationError, SettingsError, WeightsError
from rag.generation import Generator
from rag.settings import Engine, Settings

_LOG = logging.getLogger("rag")


def needed(settings: Settings) -> list[str]:
    """Return the models in `weights.toml` whose files the settings need; a local path or a server needs none."""
    named = [settings.embedder] if settings.remote else [settings.embedder, settings.generator]
    return [name for name in named if name in weights.models()]


def engine_of(settings: Settings) -> Engine:
    """Return the engine for a generator on this machine, without fetching anything.

    "auto" is transformers for a folder without a GGUF file, 8-bit integers if the processor and the file allow them, else
    llama.cpp.
    """
    if settings.engine != "auto":
        return settings.engine
    if settings.generator in weights.models():
        fits = True
    elif (gguf := _gguf(_own_path(settings))) is None:
        return "transformers"
    else:
        fits = _qwen2(gguf)
    from rag.generation import int8_linear

    return "int8" if fits and int8_linear.supported() else "llama_cpp"


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder, after verifying its files and fetching missing ones.

    Raises SettingsError for an unknown name, WeightsError if its files cannot be fetched or loaded.
    """
    known = weights.names("embedder")
    if settings.embedder not in known:
        raise SettingsError(
            f"embedder={settings.embedder!r} is not a known embedder; set RAG_EMBEDDER to {' or '.join(known)}."
        )
    folder = weights.ensure(settings.embedder, settings)
    try:
        return SentenceTransformerEmbedder(folder, weights.identity(settings.embedder), settings.threads)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"The embedder in {folder} cannot be loaded ({error}); run python -m rag doctor.") from error


def open_generator(settings: Settings) -> Generator:
    """Return the generator, run by a server or by the engine that `engine_of` returns.

    If "auto" chose 8-bit integers and they fail, llama.cpp is used. Raises SettingsError if the settings contradict each other,
    WeightsError if files cannot be fetched, GenerationError if the model cannot be loaded.
    """
    if settings.remote:
        from rag.generation.openai import OpenAIGenerator

        server = OpenAIGenerator(settings.base_url, settings.api_key, settings.remote_model, settings.timeout_s)
        if settings.offline and not server.is_local:
            raise SettingsError(
                "RAG_OFFLINE is set and base_url is on another machine; unset RAG_OFFLINE, or use a server on this machine."
            )
        return server
    model = _model_path(settings)
    gguf = _gguf(model)
    engine = engine_of(settings)
    if engine == "transformers":
        from rag.generation.transformers import TransformersGenerator

        return TransformersGenerator(model, threads=settings.threads)
    if gguf is None or gguf.suffix != ".gguf":
        raise SettingsError(f"engine={engine!r} needs a GGUF file, and there is none at {model}; use engine='transformers'.")
    if engine == "int8":
        from rag.generation.int8 import Int8Generator

        try:
            return Int8Generator(gguf, settings.context, settings.threads)
        except GenerationError as error:
            if settings.engine != "auto":
                raise
            _LOG.warning("The 8-bit engine failed, so llama.cpp runs the model: %s", error)
    from rag.generation.llama_cpp import LlamaCppGenerator

    return LlamaCppGenerator(gguf, settings.context, settings.threads)


def gguf_file(settings: Settings) -> Path | None:
    """Return the generator's GGUF file, fetched if necessary; None for a transformers folder."""
    return _gguf(_model_path(settings))


def _qwen2(gguf: Path) -> bool:
    """Return whether the 8-bit engine can run the network in a file; an unreadable file is left to llama.cpp."""
    from rag.generation.gguf import GGUF
    from rag.generation.qwen2 import fits

    try:
        return fits(GGUF(gguf))
    except GenerationError:
        return False


def _gguf(model: Path) -> Path | None:
    return model if model.is_file() else next(iter(sorted(model.glob("*.gguf"))), None)


def _model_path(settings: Settings) -> Path:
    """Return the path of the generator's files, which are fetched if necessary."""
    return own_generator(settings) or weights.ensure(settings.generator, settings)


def own_generator(settings: Settings) -> Path | None:
    """Return the path of the user's own generator, or None for one in `weights.toml`.

    Raises SettingsError if it is neither.
    """
    known = weights.names("generator")
    if settings.generator in known:
        return None
    path = _own_path(settings)
    if not os.path.exists(path):  # Path.exists raises for a name that is too long
        raise SettingsError(
            f"generator={settings.generator!r} is neither a model ({', '.join(known)}) nor an existing path; set RAG_GENERATOR."
        )
    return path


def _own_path(settings: Settings) -> Path:
    return Path(os.path.expanduser(settings.generator))  # Path.expanduser raises for an unknown user
