"""Say which ways of answering are compared, and open their chatbots on models that are loaded once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from rag.answering import Switches
from rag.documents import read_corpus
from rag.embedding import Embedder
from rag.evaluation.measures import Question
from rag.generation import Choice, Generator, Prompt, Step, Stop
from rag.index import Index, term_index
from rag.pipeline import Rag
from rag.settings import Settings, cache_folder
from rag.text import terms
from rag.tuned import Tuned, tuned

OTHER = Path(__file__).resolve().parents[2] / "tests" / "data" / "other"
"""Texts other than the article, with questions of their own."""


class Unfolded(Rag):
    """Search by the words as they are written, Simplified apart from Traditional."""

    def search_index(self) -> tuple[Index, Embedder]:
        """Return the index with a lexicon of unfolded terms, and the embedder."""
        index, embedder = super().search_index()
        analyse = partial(terms, folding=str)
        lexicon = term_index([analyse(passage.text) for passage in index.passages])
        return replace(index, analyse=analyse, lexicon=lexicon), embedder


@dataclass(frozen=True)
class Variant:
    """Hold a way of answering: the tuned numbers, the stages at work, and the chatbot."""

    numbers: Tuned = field(default_factory=tuned)
    switches: Switches = field(default_factory=Switches)
    chatbot: type[Rag] = Rag


def ablations() -> dict[str, Variant]:
    """Return the pipeline as it is, and with one thing or another left out."""
    return {
        "as it is": Variant(),
        "dense only": Variant(replace(tuned(), lexical=0.0)),
        "lexical only": Variant(replace(tuned(), dense=0.0)),
        "no folding": Variant(chatbot=Unfolded),
        "no gate": Variant(switches=Switches(gate=False)),
        "no grounding": Variant(switches=Switches(grounding=False)),
        "neither gate nor grounding": Variant(switches=Switches(gate=False, grounding=False)),
    }


class Remembering:
    """Say again what a generator has said to the same prompt: variants that differ behind the draft share it.

    What is remembered comes at once, so the seconds of every variant but the first mean nothing.
    """

    def __init__(self, generator: Generator) -> None:
        self.name = generator.name
        self._generator = generator
        self._drafts: dict[str, list[Step]] = {}
        self._choices: dict[str, Choice] = {}

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield what the generator makes of a prompt; what was stopped is not remembered."""
        key = json.dumps([prompt.chat(), prompt.grammar, max_tokens])
        if key not in self._drafts:
            steps = []
            for step in self._generator.stream(prompt, max_tokens, stop):
                steps.append(step)
                yield step
            self._drafts[key] = steps
        else:
            yield from self._drafts[key]

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        """Return what the generator chooses."""
        key = json.dumps([prompt.chat(), choices])
        if key not in self._choices:
            self._choices[key] = self._generator.choose(prompt, choices, stop)
        return self._choices[key]

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Let the generator read a prompt."""
        self._generator.read(prompt, stop)

    def close(self) -> None:
        """Leave the generator to whoever opened it."""


class Chatbots:
    """Open a chatbot for each text that is asked about.

    embedder, generator: the models of all of them. variant: the way that they answer.
    """

    def __init__(self, settings: Settings, embedder: Embedder, generator: Generator, variant: Variant) -> None:
        self._settings = settings
        self._models = embedder, generator
        self._variant = variant
        self._open: dict[str, Rag] = {}

    def of(self, question: Question) -> Rag:
        """Return the chatbot of the text that a question is about; "" is the article."""
        text = question.text
        if text not in self._open:
            documents = [read_corpus(OTHER / f"{text}.txt")[0]] if text else None
            store = cache_folder() / "other" / text if text else self._settings.store
            settings = replace(self._settings, store=store)
            variant = self._variant
            self._open[text] = variant.chatbot(settings, *self._models, variant.numbers, variant.switches, documents)
        return self._open[text]
