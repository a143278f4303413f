"""Define the pipeline variants that are compared, and open their chatbots on models that are loaded once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
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
"""Folder of texts other than the article, with questions about them."""


class Unfolded(Rag):
    """Search lexically without folding: Simplified and Traditional forms are different terms."""

    def search_index(self) -> tuple[Index, Embedder]:
        """Return the index with a lexicon of unfolded terms, and the embedder."""
        index, embedder = super().search_index()
        analyse = partial(terms, folding=str)
        lexicon = term_index([analyse(passage.text) for passage in index.passages])
        return replace(index, analyse=analyse, lexicon=lexicon), embedder


@dataclass(frozen=True)
class Variant:
    """A variant of the pipeline: its tuned numbers, its active stages, and its chatbot class."""

    parameters: Tuned = field(default_factory=tuned)
    switches: Switches = field(default_factory=Switches)
    chatbot: type[Rag] = Rag


def ablations() -> dict[str, Variant]:
    """Return the unchanged pipeline and its ablations, by name."""
    return {
        "as it is": Variant(),
        "dense only": Variant(replace(tuned(), lexical=0.0)),
        "lexical only": Variant(replace(tuned(), dense=0.0)),
        "no folding": Variant(chatbot=Unfolded),
        "no gate": Variant(switches=Switches(gate=False)),
        "no grounding": Variant(switches=Switches(grounding=False)),
        "neither gate nor grounding": Variant(switches=Switches(gate=False, grounding=False)),
    }


class CachingGenerator:
    """Cache a generator's output by prompt: variants that differ only after the draft share the draft.

    Cached output is returned at once, which makes the times of every variant but the first meaningless.
    """

    def __init__(self, generator: Generator) -> None:
        self.name = generator.name
        self._generator = generator
        self._drafts: dict[str, list[Step]] = {}
        self._choices: dict[str, Choice] = {}

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        """Yield the generator's steps for a prompt; a generation that was stopped is not cached."""
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
        """Return the generator's choice."""
        key = json.dumps([prompt.chat(), choices])
        if key not in self._choices:
            self._choices[key] = self._generator.choose(prompt, choices, stop)
        return self._choices[key]

    def read(self, prompt: Prompt, stop: Stop) -> None:
        """Pass a prompt on to be read; nothing is cached."""
        self._generator.read(prompt, stop)

    def close(self) -> None:
        """Do nothing: the generator belongs to its opener."""


@contextmanager
def open_chatbots(settings: Settings) -> Iterator[Chatbots]:
    """Load the models, and provide the chatbots of all texts as they are; close the models at the end."""
    shared = Rag(settings).warm()
    try:
        models = shared.answering()
        yield Chatbots(settings, models.embedder, models.generator, Variant())
    finally:
        shared.close()


class Chatbots:
    """Open a chatbot for each text that is asked about.

    embedder, generator: models that all chatbots share. variant: the variant that they run.
    """

    def __init__(self, settings: Settings, embedder: Embedder, generator: Generator, variant: Variant) -> None:
        self._settings = settings
        self._models = embedder, generator
        self._variant = variant
        self._open: dict[str, Rag] = {}

    def of(self, question: Question) -> Rag:
        """Return the chatbot for the text that a question is about, opened on first use; "" is the article."""
        text = question.text
        if text not in self._open:
            documents = [read_corpus(OTHER / f"{text}.txt")[0]] if text else None
            store = cache_folder() / "other" / text if text else self._settings.store
            settings = replace(self._settings, store=store)
            variant = self._variant
            self._open[text] = variant.chatbot(settings, *self._models, variant.parameters, variant.switches, documents)
        return self._open[text]
