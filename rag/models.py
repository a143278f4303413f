"""Open the models that settings ask for: files first verified, then loaded.

It knows which engine suits which model and machine; the engines themselves live in `generation/`.
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
    """Return the models of `weights.toml` whose files the settings ask for; a path of the user's own and a server need none."""
    named = [settings.embedder] if settings.remote else [settings.embedder, settings.generator]
    return [name for name in named if name in weights.models()]


def engine_of(settings: Settings) -> Engine:
    """Return the engine that runs a generator of this machine; nothing is fetched to find out.

    "auto" is transformers for a folder without a GGUF file, 8-bit numbers where the processor and the file allow them, else
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
    from rag import int8_linear

    return "int8" if fits and int8_linear.supported() else "llama_cpp"


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder, fetching and verifying its files where they are missing."""
    known = weights.names("embedder")
    if settings.embedder not in known:
        raise SettingsError(f"embedder={settings.embedder!r} is not one; set RAG_EMBEDDER to {' or '.join(known)}.")
    folder = weights.ensure(settings.embedder, settings)
    try:
        return SentenceTransformerEmbedder(folder, weights.identity(settings.embedder), settings.threads)
    except (OSError, RuntimeError, ValueError) as error:
        raise WeightsError(f"The embedder in {folder} cannot be loaded ({error}); run python -m rag doctor.") from error


def open_generator(settings: Settings) -> Generator:
    """Return the generator; `engine_of` says which. Where nobody chose 8-bit numbers and they fail, llama.cpp is opened.

    Raises SettingsError where the settings contradict each other, GenerationError where the model cannot be loaded.
    """
    if settings.remote:
        from rag.generation.openai import OpenAIGenerator

        server = OpenAIGenerator(settings.base_url, settings.api_key, settings.remote_model, settings.timeout_s)
        if settings.offline and not server.is_here:
            raise SettingsError(
                "RAG_OFFLINE is set and base_url is a server elsewhere; unset RAG_OFFLINE, or use a server on this machine."
            )
        return server
    model = _model_path(settings)
    gguf = _gguf(model)
    engine = engine_of(settings)
    if engine == "transformers":
        from rag.generation.transformers import TransformersGenerator

        return TransformersGenerator(model, threads=settings.threads)
    if gguf is None or gguf.suffix != ".gguf":
        raise SettingsError(f"engine={engine!r} needs a GGUF file; {model} holds none. Use engine='transformers'.")
    if engine == "int8":
        from rag.generation.int8 import Int8Generator

        try:
            return Int8Generator(gguf, settings.context, settings.threads)
        except GenerationError as error:
            if settings.engine != "auto":
                raise
            _LOG.warning("llama.cpp runs the model in place of 8-bit numbers: %s", error)
    from rag.generation.llama_cpp import LlamaCppGenerator

    return LlamaCppGenerator(gguf, settings.context, settings.threads)


def gguf_file(settings: Settings) -> Path | None:
    """Return the generator's GGUF file, None where it is a transformers folder."""
    return _gguf(_model_path(settings))


def _qwen2(gguf: Path) -> bool:
    """Tell whether a file holds a network that can be run with 8-bit numbers; what cannot be read is left to llama.cpp."""
    from rag.generation.gguf import GGUF
    from rag.generation.qwen2 import fits

    try:
        return fits(GGUF(gguf))
    except GenerationError:
        return False


def _gguf(model: Path) -> Path | None:
    return model if model.is_file() else next(iter(sorted(model.glob("*.gguf"))), None)


def _model_path(settings: Settings) -> Path:
    """Return where the generator's files lie."""
    return own_generator(settings) or weights.ensure(settings.generator, settings)


def own_generator(settings: Settings) -> Path | None:
    """Return the path of a generator of the user's own, None of one in `weights.toml`.

    Raises SettingsError where it is neither.
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
    return Path(os.path.expanduser(settings.generator))  # Path.expanduser raises for a user that is not there
