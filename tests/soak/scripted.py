"""Run one of the project's programs with scripted models: `python scripted.py app.py --port 7861`.

Everything except the models is real. SCRIPTED_TEXT_S: seconds to embed each text. SCRIPTED_LETTER_S: seconds to write each
letter. SCRIPTED_LOAD_S: seconds to load the generator. A draft repeats the question, to show which question an answer
belongs to.
"""

from __future__ import annotations

import os
import runpy
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from fakes import FakeEmbedder, ScriptedGenerator, questions_asked  # noqa: E402

from rag import pipeline  # noqa: E402
from rag.generation import Choice, Piece, Prompt, Step, Stop  # noqa: E402
from rag.settings import Settings  # noqa: E402

TEXT_S = float(os.environ.get("SCRIPTED_TEXT_S", "0"))
LETTER_S = float(os.environ.get("SCRIPTED_LETTER_S", "0"))
LOAD_S = float(os.environ.get("SCRIPTED_LOAD_S", "0"))


class SlowEmbedder(FakeEmbedder):
    """Embed each text slowly, and record none."""

    def passages(self, texts: Sequence[str], report: Callable[[int, int], None] | None = None) -> np.ndarray:
        vectors = []
        sys.stderr.write("embedding\n")
        for done, text in enumerate(texts, start=1):
            time.sleep(TEXT_S)
            vectors.append(self.vector(text))
            if report is not None:
                report(done, len(texts))
        return np.stack(vectors)


class Repeating(ScriptedGenerator):
    """Write the previous question and the current one letter by letter, and record no prompts."""

    def stream(self, prompt: Prompt, max_tokens: int, stop: Stop) -> Iterator[Step]:
        self.prompts.clear()
        for step in super().stream(prompt, max_tokens, stop):
            if isinstance(step, Piece):
                time.sleep(LETTER_S)
            yield step

    def choose(self, prompt: Prompt, choices: tuple[str, ...], stop: Stop) -> Choice:
        choice = super().choose(prompt, choices, stop)
        self.chosen.clear()
        return choice


def repeated(prompt: Prompt) -> str:
    """Return the previous question, if any, and the current one as a draft whose lines each introduce a list."""
    return "\n".join(f"{question}：" for question in questions_asked(prompt))


def open_generator(settings: Settings) -> Repeating:
    """Return the scripted generator after LOAD_S seconds."""
    time.sleep(LOAD_S)
    return Repeating([repeated])


if __name__ == "__main__":
    pipeline.open_embedder = lambda settings: SlowEmbedder()  # type: ignore[assignment]
    pipeline.open_generator = open_generator  # type: ignore[assignment]
    program, *arguments = sys.argv[1:]
    sys.argv = [str(ROOT / program), *arguments]
    runpy.run_path(sys.argv[0], run_name="__main__")
