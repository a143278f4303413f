"""Answer with a plain pipeline for comparison: LangChain's tutorial chain with the same models.

It splits recursively into chunks of 200 characters with an overlap of 40, and uses the same embedder in FAISS, four chunks, a
history-aware retriever, the stuff-documents prompt, and the same GGUF file in llama.cpp's server with the server's defaults.
An answer in which the model says, in one of the usual ways, that it cannot tell counts as a decline. This module needs the
`bench` extra.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx

from rag.documents import Document, Passage, read_corpus
from rag.embedding import Embedder, Vectors
from rag.errors import SettingsError
from rag.generation import Generator
from rag.generation.llama_cpp import open_server
from rag.generation.openai import OpenAIGenerator
from rag.models import gguf_file, open_embedder
from rag.results import Answer, Message, Timings
from rag.settings import Settings
from rag.templates import Templates
from rag.text import fold
from rag.text.script import language

CHUNK = 200
OVERLAP = 40
CHUNKS = 4
_DECLINES = re.compile(
    r"(?:do not|don't) know|(?:cannot|can't|unable to|not able to) (?:be )?(?:answer|determine|find|provide|tell)|"
    r"\bno (?:\w+ )?(?:information|mention|details?)\b|"
    r"(?:not|n't) (?:\w+ )?(?:mention|provide|specif|state|contain|include|say|give|enough)|"
    r"不知道|不清楚|(?:没有|没|未|无法|不能|无)(?:足够|相关|明确|直接|具体|从|在|根据|提供|给出|文中|的|资料|上下文|文本|材料|中|任何)*"
    r"(?:提及|提到|提供|说明|确定|回答|得知|找到|信息(?!技术|产业|化)|给出|判断|获知|涉及|记载)"
)


class PlainRag:
    """Answer questions from one corpus with the plain pipeline.

    settings: paths of corpus, prompts and weights, and limits of the engine. embedder: used instead of the one that the
    settings name. Raises SettingsError if the `bench` extra is missing or the generator is not a GGUF file.
    """

    def __init__(self, settings: Settings | None = None, embedder: Embedder | None = None) -> None:
        self.settings = settings or Settings.load()
        self.documents = read_corpus(self.settings.corpus)
        self._embedder = embedder or open_embedder(self.settings)
        self._store = vector_store(self.documents, self._embedder)
        model = gguf_file(self.settings)
        if model is None:
            raise SettingsError(f"generator={self.settings.generator!r} is not a GGUF file; the plain pipeline needs one.")
        self._server, url, key = _serve(model, self.settings)
        self.engine: Generator = OpenAIGenerator(url, key, "plain", self.settings.timeout_s)
        self._http = _client()
        self._chain = _chain(self._store, self.settings, url, key, self._http)
        self.name = f"plain {model.stem}"

    def answer(self, question: str, history: Sequence[Message] = ()) -> Answer:
        """Return the model's answer, with the chunks it was given as passages."""
        from langchain_core.callbacks import UsageMetadataCallbackHandler

        started = time.monotonic()
        spent = UsageMetadataCallbackHandler()
        turns = [(turn["role"], turn["content"]) for turn in history]
        timings, text, chunks = Timings(), "", []
        for part in self._chain.stream({"input": question, "chat_history": turns}, {"callbacks": [spent]}):
            if part.get("context"):
                chunks = part["context"]
                timings = replace(timings, retrieve_s=time.monotonic() - started)
            if part.get("answer"):
                text += part["answer"]
                timings = replace(timings, first_token_s=timings.first_token_s or time.monotonic() - started)
        timings = replace(timings, total_s=time.monotonic() - started, **_tokens(spent.usage_metadata))
        declined = bool(_DECLINES.search(fold(text)))
        return Answer(
            text.strip(),
            not declined,
            "not in the text" if declined else "",
            (),
            tuple(_passage(chunk) for chunk in chunks),
            timings,
            language(question, "zh-Hans"),
            self.name,
        )

    def nearest(self, vector: Vectors) -> tuple[Passage, ...]:
        """Return the chunks nearest to a query vector of shape (dimensions,), best first."""
        return tuple(_passage(chunk) for chunk in self._store.similarity_search_by_vector(list(map(float, vector)), k=CHUNKS))

    def close(self) -> None:
        """Close the HTTP client and release the server."""
        self._http.close()
        self._server = None


def vector_store(documents: Sequence[Document], embedder: Embedder) -> Any:
    """Return a LangChain FAISS store of the documents' chunks; raise SettingsError if the `bench` extra is missing."""
    try:
        from langchain_community.vectorstores import FAISS
        from langchain_core.embeddings import Embeddings
        from langchain_text_splitters import RecursiveCharacterTextSplitter
    except ModuleNotFoundError as error:
        raise SettingsError(
            f"The plain pipeline needs {error.name}; run pip install --constraint constraints.txt '.[bench]'."
        ) from error

    class Shared(Embeddings):  # type: ignore[misc]
        """Adapt the project's embedder to LangChain's interface."""

        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            return [list(map(float, vector)) for vector in embedder.passages(texts)]

        def embed_query(self, text: str) -> list[float]:
            return list(map(float, embedder.queries([text])[0]))

    splitter = RecursiveCharacterTextSplitter(chunk_size=CHUNK, chunk_overlap=OVERLAP, add_start_index=True)
    chunks = splitter.create_documents([d.text for d in documents], [{"source": d.source} for d in documents])
    return FAISS.from_documents(chunks, Shared())


def _serve(model: Path, settings: Settings) -> tuple[Any, str, str]:
    """Start llama.cpp's server for a model and return it, its URL on loopback and its key."""
    import xllamacpp

    parameters = xllamacpp.CommonParams()
    if settings.threads:
        parameters.cpuparams.n_threads = parameters.cpuparams_batch.n_threads = settings.threads
    server, key = open_server(parameters, model, settings.context)
    return server, f"{server.listening_address}/v1", key


def _client() -> httpx.Client:
    """Return an HTTP client that ignores the environment's proxies, since it connects to loopback only."""
    return httpx.Client(trust_env=False)


def _chain(store: Any, settings: Settings, url: str, key: str, client: httpx.Client) -> Any:
    """Return the tutorial's chain: rewrite the question with its history, retrieve chunks, put them into one prompt."""
    from langchain_classic.chains import create_history_aware_retriever, create_retrieval_chain
    from langchain_classic.chains.combine_documents import create_stuff_documents_chain
    from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder
    from langchain_openai import ChatOpenAI

    def prompt(name: str) -> Any:
        system = Templates(settings.prompts).text(f"plain/{name}")
        return ChatPromptTemplate.from_messages([("system", system), MessagesPlaceholder("chat_history"), ("human", "{input}")])

    model = ChatOpenAI(
        base_url=url,
        api_key=key,
        model="plain",
        temperature=0,
        max_tokens=settings.max_tokens,
        timeout=settings.timeout_s,
        max_retries=0,
        stream_usage=True,
        http_client=client,
    )
    retriever = store.as_retriever(search_kwargs={"k": CHUNKS})
    return create_retrieval_chain(
        create_history_aware_retriever(model, retriever, prompt("standalone")),
        create_stuff_documents_chain(model, prompt("system")),
    )


def _tokens(spent: dict[str, Any]) -> dict[str, int]:
    """Return the token counts as fields of `Timings`."""
    prompt = sum(usage["input_tokens"] for usage in spent.values())
    kept = sum(usage.get("input_token_details", {}).get("cache_read", 0) for usage in spent.values())
    written = sum(usage["output_tokens"] for usage in spent.values())
    return {"prompt_tokens": prompt, "read_tokens": prompt - kept, "completion_tokens": written}


def _passage(chunk: Any) -> Passage:
    start, text = chunk.metadata["start_index"], chunk.page_content
    return Passage(text, chunk.metadata["source"], start, start + len(text))
