"""Fake models: an embedder whose vectors can be computed by hand, and a generator that returns scripted drafts."""

from __future__ import annotations

import hashlib
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from rag.errors import Cancelled
from rag.generation import Choice, Piece, Prompt, Reading, Step, Stop, Usage
from rag.results import Answer, Event, Progress
from rag.text import fold
from rag.weight_sources import Carrier, Model, WeightFile

ARTICLE = """杭州的人工智能產業起步很早。深度求索成立於2023年7月17日，總部設在杭州。
浙江大學為杭州培養了大量的人才。浙大校友創辦的企業超過3000家，總市值約1.8萬億元。
杭州把財政收入的15%投入科技創新。這項政策被稱為“三個15%”。
宇樹科技的機器人在春節晚會上跳了舞。王興興是宇樹科技的創始人。
與深圳相比，杭州的房價更低。上海的外資企業最多。
"""

FOUNDED = "深度求索成立於哪一年？"
DRAFT = "深度求索成立于2023年7月17日，总部设在杭州。"
SENTENCE = "深度求索成立於2023年7月17日，總部設在杭州。"
TRANSLATED = {SENTENCE: "DeepSeek was founded on July 17, 2023, with its seat in Hangzhou."}


def assert_exact(answer: Answer, source: str = ARTICLE) -> None:
    assert answer.citations
    assert "".join(answer.sentences) == answer.text
    for citation in answer.citations:
        assert source[citation.start : citation.end] == citation.quote
        assert f"[{citation.marker}]" in answer.sentences[citation.sentence]
        assert 0.0 <= citation.support <= 1.0


def stages(events: list[Event]) -> list[str]:
    """Return the kinds of events in order, without consecutive repeats."""
    kinds = [event.stage if isinstance(event, Progress) else event.type for event in events]
    return [kind for kind, before in zip(kinds, [None, *kinds], strict=False) if kind != before]


def toy_model(body: bytes) -> Model:
    """Return a model of one file, model.bin, available from a hub or from one carrier package."""
    file = WeightFile("model.bin", len(body), hashlib.sha256(body).hexdigest())
    carrier = Carrier("toy", "1", 1, "toy/chunk.bin", "", len(body))
    return Model("toy", "embedder", "none", "who/what", "v1", (file,), carrier)


class FakeEmbedder:
    """Embed texts as hashed counts of their folded character bigrams: texts that share bigrams are similar."""

    def __init__(self, identity: str = "bigrams", dimensions: int = 512) -> None:
        self.identity = identity
        self.dimensions = dimensions
        self.embedded: list[str] = []
        """All embedded passages, in order."""

    def queries(self, texts: Sequence[str]) -> np.ndarray:
        return np.stack([self.vector(text) for text in texts])

    def passages(self, texts: Sequence[str], report: Callable[[int, int], None] | None = None) -> np.ndarray:
        self.embedded += texts
        if report is not None:
            report(len(texts), len(texts))
        return self.queries(texts)

    def vector(self, text: str) -> np.ndarray:
        return _bigrams(text, self.dimensions)


@lru_cache(maxsize=2_000)
def _bigrams(text: str, dimensions: int) -> np.ndarray:
    letters = "".join(letter for letter in fold(text) if letter.isalnum()) or " "
    vector = np.zeros(dimensions, dtype=np.float32)
    for place in range(max(1, len(letters) - 1)):
        vector[zlib.crc32(letters[place : place + 2].encode("utf-8", "surrogatepass")) % dimensions] += 1
    return vector / np.linalg.norm(vector)


Script = str | BaseException | Callable[[Prompt], str]


@dataclass
class ScriptedGenerator:
    """Return the drafts in order, then repeat the last one; a draft that is an exception is raised.

    chances: gives the probability of the first choice for a prompt. states: the hidden states returned after a draft and after
    a choice. hold: an event that drafts wait for, if given. names: the reply to the prompt that asks for the names in a text,
    which does not count as a draft. The prompts are recorded, as is whether the generation was stopped.
    """

    drafts: Sequence[Script] = ("深度求索成立於2023年。",)
    chances: Callable[[Prompt], float] = lambda prompt: 0.999
    states: tuple[np.ndarray | None, np.ndarray | None] = (None, None)
    hold: threading.Event | None = None
    names: str = "无"
    name: str = "scripted"
    prompts: list[Prompt] = field(default_factory=list)
    searched: list[Prompt] = field(default_factory=list)
    chosen: list[Prompt] = field(default_factory=list)
    readings: list[Prompt] = field(default_factory=list)
    started: threading.Event = field(default_factory=threading.Event)
    stopped: bool = False
    closed: bool = False

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        if prompt.messages[0]["content"].startswith("抄出文字里"):
            self.searched.append(prompt)
            yield from (Piece(self.names), Usage(7, 3, 1))
            return
        draft = self.drafts[min(len(self.prompts), len(self.drafts) - 1)]
        self.prompts.append(prompt)
        self.started.set()
        while self.hold is not None and not self.hold.is_set():
            self._obey(stop)
            time.sleep(0.001)
        yield Reading(0.5)
        yield Reading(1.0)
        if isinstance(draft, BaseException):
            raise draft
        text = draft if isinstance(draft, str) else draft(prompt)
        for letter in text:
            self._obey(stop)
            yield Piece(letter)
        yield Usage(100, 60, len(text), self.states[0])

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        self._obey(stop)
        self.chosen.append(prompt)
        chance = self.chances(prompt)
        return Choice((chance, 1.0 - chance), Usage(50, 20, 1, self.states[1]))

    def read(self, prompt: Prompt, stop: Stop) -> None:
        self.readings.append(prompt)

    def close(self) -> None:
        self.closed = True

    def _obey(self, stop: Stop) -> None:
        if stop():
            self.stopped = True
            raise Cancelled("The answer was stopped.")


def asked(prompt: Prompt) -> str:
    """Return the content of the last message of a prompt."""
    return prompt.messages[-1]["content"]


def questions_asked(prompt: Prompt) -> list[str]:
    """Return the questions in a prompt: the previous one, if any, without its answer "是。", and the one to be answered."""
    return re.findall(r"(?:已经回答过|问题)：(.*?)(?: 是。)?$", asked(prompt), re.MULTILINE)
