"""Name what can go wrong, and what to do about it.

    RagError                  anything this project raises on purpose; its text is one sentence for a person
    ├── SettingsError         a setting, engine or argument that is not one of the choices
    ├── QuestionError         a question or a history that cannot be asked
    ├── CorpusError           a source that is missing, empty, binary or not UTF-8
    ├── PromptError           a prompt template that is missing, or whose variables do not fit
    ├── IndexStoreError       an index that is missing, stale, foreign or damaged and may not be rebuilt here
    ├── WeightsError          model files that cannot be had, or that are not the ones they claim to be
    ├── GenerationError       an engine that failed or ran out of time
    │   └── PromptTooLongError   a question that is too long for the engine, with which nothing is wrong
    └── Cancelled             the reader stopped it; nothing is wrong

The edges (command line, page, HTTP) turn these into sentences; anything else is a defect, which the page alone survives. A
text that does not answer a question is not an error: it is an `Answer` whose `answerable` is False.
"""

from __future__ import annotations


class RagError(Exception):
    """Say in one sentence what was received, what was expected and what to do."""


class SettingsError(RagError):
    """A setting has a value that is not one of its choices."""


class QuestionError(RagError):
    """A question or its history has a form that cannot be asked."""


class CorpusError(RagError):
    """A source cannot be read as text."""


class PromptError(RagError):
    """A prompt template is missing or does not fit its variables."""


class IndexStoreError(RagError):
    """The stored index cannot be used, and may not be rebuilt here.

    why: what is wrong with it. mend: what to do.
    """

    def __init__(self, why: str, mend: str = "run python index/rebuild.py, or set RAG_REBUILD=auto") -> None:
        super().__init__(f"{why}; {mend}.")
        self.why = why


class WeightsError(RagError):
    """Model files are missing, altered or out of reach."""


class GenerationError(RagError):
    """The engine failed, or did not finish within its time."""


class PromptTooLongError(GenerationError):
    """A prompt has more tokens than the engine holds."""

    @classmethod
    def of(cls, tokens: int, context: int) -> PromptTooLongError:
        """Return the error of a prompt of so many tokens, for an engine that holds so many."""
        return cls(f"The prompt has {tokens:,} tokens, and the engine holds {context:,}; shorten the question.")


class Cancelled(RagError):
    """The reader stopped the answer."""
