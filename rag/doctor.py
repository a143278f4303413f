"""Check each thing that the chatbot needs, and report its state and the remedy. No file is fetched and no model loaded."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib.metadata import PackageNotFoundError, version

import httpx

from rag import weights
from rag.documents import read_corpus
from rag.english import English, translations_path
from rag.errors import RagError
from rag.generation.openai import is_loopback, shown
from rag.library import stored
from rag.models import engine_of, needed, own_generator
from rag.prompting import name_kinds, verdicts
from rag.settings import Settings
from rag.templates import Templates, variables

PORT = 7860
LEAST_FREE = 500_000_000


@dataclass(frozen=True)
class Finding:
    """The result of one check: its name, whether all is well, and what was found."""

    name: str
    well: bool
    text: str

    def line(self) -> str:
        """Return the finding as one line."""
        return f"{'ok  ' if self.well else 'FIX '} {self.name}: {self.text}"


def examine(settings: Settings) -> Iterator[Finding]:
    """Yield the findings on weights, corpus, prompts, index, engine, port and disk, each as soon as it is known."""
    names = needed(settings)
    looks: dict[str, Callable[[Settings], str]] = {f"weights {name}": partial(_weights, name) for name in names}
    looks |= {"corpus": _corpus, "prompts": _prompts, "index": _index, "engine": _engine, "port": _port, "disk": _disk}
    for name, look in looks.items():
        try:
            yield Finding(name, True, look(settings))
        except RagError as error:
            yield Finding(name, False, str(error))


def _weights(name: str, settings: Settings) -> str:
    wrong = [state for state in weights.inspect(name, settings, full=True) if state.state != "ok"]
    if wrong:
        raise RagError(f"{wrong[0].file.path} is {wrong[0].state}; run python -m rag weights fetch {name}.")
    return f"every file in {settings.weights / name} has the expected SHA-256"


def _corpus(settings: Settings) -> str:
    documents, english = read_corpus(settings.corpus), English.read(settings.corpus, translations_path(settings.store))
    characters = sum(len(document.text) for document in documents)
    known = f"names in English: {len(english.names.forms)}, sentences in English: {len(english.sentences)}"
    return f"text files: {len(documents)}, characters: {characters:,}, {known}; in {settings.corpus}"


def _prompts(settings: Settings) -> str:
    shipped = Templates(Settings().prompts)
    own = Templates(settings.prompts)
    names = sorted(path.relative_to(shipped.folder) for path in shipped.folder.rglob("*.*") if path.is_file())
    for name in names:
        wanted, found = variables(shipped.text(str(name))), variables(own.text(str(name)))
        if wanted != found:
            raise RagError(f"{own.folder / name} has the variables {sorted(found)}; expected {sorted(wanted)}.")
    for words in (verdicts, name_kinds):
        words(own)
    return f"{len(names)} templates in {settings.prompts}"


def _index(settings: Settings) -> str:
    return f"{len(stored(settings, read_corpus(settings.corpus)).passages)} passages in {settings.store}"


def _engine(settings: Settings) -> str:
    if settings.remote:
        return _server(settings)
    own_generator(settings)
    package = {"int8": "torch", "llama_cpp": "xllamacpp", "transformers": "transformers"}[engine_of(settings)]
    try:
        return f"{settings.generator} run by {package} {version(package)}"
    except PackageNotFoundError:
        raise RagError(f"the package {package} is missing; run pip install {package}.") from None


def _server(settings: Settings) -> str:
    try:
        url = httpx.URL(settings.base_url.rstrip("/") + "/models")
    except httpx.InvalidURL as error:
        raise RagError(f"base_url is not a URL ({error}); correct RAG_BASE_URL.") from error
    here = is_loopback(url.host)  # a server on this machine is reached without a proxy
    if settings.offline and not here:
        raise RagError(f"{shown(url)} is on another machine and RAG_OFFLINE is set; unset it, or use a server on this machine.")
    headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
    try:
        status = httpx.get(url, headers=headers, timeout=5, trust_env=not here).status_code
    except (httpx.HTTPError, httpx.InvalidURL, ImportError, OSError, ValueError) as error:  # also bad environment variables
        raise RagError(f"{shown(url)} cannot be reached ({error}); start the server, or correct RAG_BASE_URL.") from error
    if status in (401, 403):
        raise RagError(f"{shown(url)} rejects the key ({status}); correct RAG_API_KEY.")
    return f"{shown(url)} answers"


def _port(settings: Settings) -> str:
    with socket.socket() as probe:
        taken = probe.connect_ex(("127.0.0.1", PORT)) == 0
    return f"{PORT} is {'in use; unless the page is being served there, choose another with --port' if taken else 'free'}"


def _disk(settings: Settings) -> str:
    folder = next(path for path in [settings.store, *settings.store.absolute().parents] if os.path.exists(path))
    free = shutil.disk_usage(folder).free
    if free < LEAST_FREE:
        raise RagError(
            f"{free / 1e9:.1f} GB free at {folder}, but the index needs {LEAST_FREE / 1e9:g} GB; free space or set RAG_STORE."
        )
    return f"{free / 1e9:.1f} GB free at {folder}"
