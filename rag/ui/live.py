"""Follow one answer from its question to its end, as plain values that the page can render."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rag.errors import RagError
from rag.results import Citation, Event, Evidence, Final, Progress, Token
from rag.ui.conversation import Turn
from rag.ui.strings import say


@dataclass
class Live:
    """A turn that is being answered.

    progress: the status line that a reader sees. stage: the same with a text that changes less often, for screen readers.
    likely: the sentences most likely to answer, best first.
    """

    turn: Turn
    language: str
    progress: str = ""
    stage: str = ""
    likely: Sequence[Citation] = field(default_factory=tuple)

    @classmethod
    def asked(cls, question: str, language: str, alone: bool = False) -> Live:
        """Return the turn of a question that was just asked; alone: whether it is asked without the earlier turns."""
        return cls({"question": question, "state": "asked", "draft": "", "alone": alone}, language)._tell("searching")

    def hear(self, event: Event) -> Live:
        """Update the turn with one event of the answer, and return self."""
        if isinstance(event, Evidence):
            self.likely = event.sentences
            return self._tell("reading", percent=0)
        if isinstance(event, Progress):
            if event.stage == "waiting":
                return self._tell("waiting", place=event.place, seconds=round(event.expected_s))
            return self._tell(event.stage, percent=round(100 * event.fraction))
        if isinstance(event, Token):
            self.turn["draft"] += event.text
            return self._tell("writing")
        if isinstance(event, Final):
            self.turn.update(state="answered" if event.answer.answerable else "declined", answer=event.answer.to_dict())
            self.turn.pop("draft")
            self.likely = ()
        return self

    def stopped(self) -> None:
        """Mark the turn as stopped by its reader."""
        self.turn["state"] = "stopped"

    def broken(self, error: Exception) -> None:
        """Mark the turn as failed; the text of an unexpected error is left out, since readers should not see it."""
        message = str(error) if isinstance(error, RagError) else ""
        self.turn.update(state="broken", kind=type(error).__name__, error=message)

    def _tell(self, name: str, **values: object) -> Live:
        self.progress = say(name, self.language, **values)
        self.stage = say("reading_heard", self.language) if name == "reading" else self.progress
        return self
