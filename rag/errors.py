"""Define the errors that this project raises on purpose.

    RagError                  base class; the message is one sentence for the user
    ├── SettingsError         a setting, engine or argument that is not one of the choices
    ├── QuestionError         an invalid question or history
    ├── CorpusError           a source that is missing, empty, binary or not UTF-8
    ├── PromptError           a prompt template that is missing or has the wrong variables
    ├── IndexStoreError       an index that is missing, stale, foreign or damaged and may not be rebuilt here
    ├── WeightsError          model files that cannot be fetched, or that have the wrong size or hash
    ├── GenerationError       an engine that failed or ran out of time
    │   └── PromptTooLongError   a question that is too long for the engine, which itself works
    └── Cancelled             the reader stopped the answer; nothing failed

The interfaces (command line, page, HTTP) show these messages; any other exception is a bug, which only the page survives. If
the text does not answer a question, that is not an error: the result is an `Answer` with `answerable=False`.
"""

from __future__ import annotations


class RagError(Exception):
    """An error with a one-sentence message: what was received, what was expected and what to do."""


class SettingsError(RagError):
    """A setting has a value that is not one of its choices."""


class QuestionError(RagError):
    """A question or its history is invalid."""


class CorpusError(RagError):
    """A source cannot be read as text."""


class PromptError(RagError):
    """A prompt template is missing or has the wrong variables."""


class IndexStoreError(RagError):
    """The stored index cannot be used, and may not be rebuilt here.

    why: the reason. remedy: what to do about it.
    """

    def __init__(self, why: str, remedy: str = "run python index/rebuild.py, or set RAG_REBUILD=auto") -> None:
        super().__init__(f"{why}; {remedy}.")
        self.why = why


class WeightsError(RagError):
    """Model files are missing, altered or unavailable."""


class GenerationError(RagError):
    """The engine failed, or did not finish within the time limit."""


class PromptTooLongError(GenerationError):
    """A prompt has more tokens than the context of the engine."""

    @classmethod
    def of(cls, tokens: int, context: int) -> PromptTooLongError:
        """Return the error for a prompt of `tokens` tokens and an engine with a context of `context` tokens."""
        return cls(f"The prompt has {tokens:,} tokens, but the engine's context is {context:,}; shorten the question.")


class Cancelled(RagError):
    """The reader stopped the answer."""
