"""Test the plain pipeline that the project is compared with, without a model: its chunks, prompts, counts and declines."""

import json
from collections.abc import Iterator

import httpx
import pytest
from fakes import ARTICLE, FakeEmbedder

pytest.importorskip("langchain_classic", reason="needs the bench extra", exc_type=ImportError)

from rag.evaluation import plain
from rag.settings import Settings

pytestmark = pytest.mark.filterwarnings("ignore:`langchain-community` is being sunset:DeprecationWarning")

USAGE = {"prompt_tokens": 90, "completion_tokens": 2, "total_tokens": 92, "prompt_tokens_details": {"cached_tokens": 30}}


class Server:
    """Answer with the texts in order, as llama.cpp's server streams them, and record the requests."""

    def __init__(self, *texts: str) -> None:
        self.texts = list(texts)
        self.asked: list[list[dict[str, str]]] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(json.loads(request.content)["messages"])
        delta = {"role": "assistant", "content": self.texts.pop(0)}
        common = {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "plain"}
        events = [
            {**common, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
            {**common, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
            {**common, "choices": [], "usage": USAGE},
        ]
        body = "".join(f"data: {json.dumps(event)}\n\n" for event in events) + "data: [DONE]\n\n"
        return httpx.Response(200, headers={"content-type": "text/event-stream"}, text=body)


@pytest.fixture
def opened(chosen: Settings, embedder: FakeEmbedder, monkeypatch: pytest.MonkeyPatch) -> Iterator:
    """Return a factory of plain pipelines that use a test's server."""
    made: list[plain.PlainRag] = []

    def open_with(server: Server) -> plain.PlainRag:
        client = httpx.Client(transport=httpx.MockTransport(server))
        monkeypatch.setattr(plain, "gguf_file", lambda settings: chosen.weights / "tiny.gguf")
        monkeypatch.setattr(plain, "_serve", lambda model, settings: (None, "http://127.0.0.1:1/v1", "key"))
        monkeypatch.setattr(plain, "_client", lambda: client)
        made.append(plain.PlainRag(chosen, embedder))
        return made[-1]

    yield open_with
    for rag in made:
        rag.close()


def test_chunks_are_exact_pieces_of_the_source(opened, embedder: FakeEmbedder) -> None:
    passages = opened(Server()).nearest(embedder.vector("深度求索成立於哪一年？"))
    assert passages
    for passage in passages:
        assert ARTICLE[passage.start : passage.end] == passage.text
        assert len(passage.text) <= plain.CHUNK


def test_an_answer_contains_its_text_its_passages_and_its_cost(opened) -> None:
    server = Server("2023年。")
    answer = opened(server).answer("深度求索成立於哪一年？")
    assert (answer.text, answer.answerable, answer.reason, answer.citations) == ("2023年。", True, "", ())
    assert (answer.timings.prompt_tokens, answer.timings.read_tokens, answer.timings.completion_tokens) == (90, 60, 2)
    assert 0 < answer.timings.retrieve_s <= answer.timings.first_token_s <= answer.timings.total_s
    assert all(passage.text in server.asked[0][0]["content"] for passage in answer.passages)


def test_a_follow_up_is_first_rewritten_and_both_requests_are_counted(opened) -> None:
    server = Server("深度求索成立於哪一年？", "2023年。")
    history = ({"role": "user", "content": "深度求索在哪裡？"}, {"role": "assistant", "content": "杭州。"})
    answer = opened(server).answer("它成立於哪一年？", history)
    assert [messages[-1]["content"] for messages in server.asked] == ["它成立於哪一年？"] * 2
    assert answer.timings.prompt_tokens == 180


@pytest.mark.parametrize(
    "text",
    [
        "I don't know.",
        "The context does not mention it.",
        "There is no mention of a mayor.",
        "I'm unable to answer that.",
        "我不知道。",
        "文章沒有提到這一點。",
        "没有足够的信息来回答。",
        "无法从提供的上下文中得知。",
    ],
)
def test_an_answer_that_says_it_does_not_know_counts_as_declined(opened, text: str) -> None:
    answer = opened(Server(text)).answer("誰是市長？")
    assert (answer.answerable, answer.reason) == (False, "not in the text")


@pytest.mark.parametrize("text", ["南京没有一家。", "没有信息技术产业。", "It has no rival.", "房價沒有提高。"])
def test_an_answer_with_a_negation_does_not_count_as_declined(opened, text: str) -> None:
    assert opened(Server(text)).answer("誰是市長？").answerable


def test_every_build_embeds_every_chunk_again(opened, embedder: FakeEmbedder) -> None:
    rag = opened(Server())
    before = len(embedder.embedded)
    assert plain.vector_store(rag.documents, embedder).index.ntotal == before
    assert len(embedder.embedded) == 2 * before
