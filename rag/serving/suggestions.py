"""Suggest questions that the text answers.

The model writes a question for a sentence; it is kept only if the chatbot, asked that question, answers and cites the same
sentence. This idle work is done once: the result for each sentence is stored in `questions.jsonl` in the store folder. A source
`article.txt` may come with a file of the same form, `article.questions.jsonl`, and initial examples, `article.examples.toml`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rag import journal, tables
from rag.answering import Answering
from rag.clock import Clock
from rag.documents import Sentence, companion_files
from rag.errors import CorpusError
from rag.generation import Stop
from rag.index import Index
from rag.prompting import LANGUAGES, suggestion_prompt
from rag.results import Final
from rag.retrieval import retrieve
from rag.text import fold
from rag.text.script import Language, to_traditional
from rag.text.stance import asks

LENGTHS = range(15, 121)
"""Code points of a sentence for which a question is written: neither a heading nor a long list."""
LONGEST = 48
"""Maximum tokens of a question."""
SURE = 0.7
"""Minimum probability, given by the judge, that a sentence answers the question written for it."""
SHOWN = 3
"""Questions that are suggested after an answer."""
NEIGHBOURS = 256
"""Nearest passages and sentences around each cited sentence that are searched for a next question."""
_NAME = re.compile(r"\s\W*[A-Z0-9]")
_POINTS_BACK = re.compile(r"这|那|该|此|它|\b(?:this|these|that|those|it|its|they|their)\b", re.IGNORECASE)


class Suggestions:
    """The questions that were written for a corpus's sentences.

    corpus: folder of sources, or one file; None for a corpus in memory. written: file to which new questions are appended.
    """

    def __init__(self, corpus: Path | None, written: Path) -> None:
        self._written = written
        self._examples = [_examples(path) for path in companion_files(corpus, "examples.toml")]
        self._questions: dict[tuple[str, str], str] = {}
        for path in (written, *companion_files(corpus, "questions.jsonl")):  # the source's own come last and override
            self._questions |= {(row["sentence"], row["language"]): row["question"] for row in _rows(path)}

    def missing(self, index: Index) -> Iterator[tuple[int, Language]]:
        """Yield (sentence number, language) for each suitable sentence for which no question was tried yet."""
        for language in LANGUAGES:
            for number, sentence in enumerate(index.sentences):
                tells = len(sentence.text) in LENGTHS and not asks(sentence.text)
                worth = tells and index.is_searched(number)
                if worth and (sentence.text, language) not in self._questions:
                    yield number, language

    def keep(self, sentence: str, language: Language, question: str) -> None:
        """Store the question for a sentence, "" if none passed the checks; raise RagError if it cannot be written."""
        self._questions[sentence, language] = question
        row = {"sentence": sentence, "language": language, "question": question}
        journal.keep(self._written, row, "suggested questions", "free space there, or set RAG_STORE")

    def first(self, language: str, sentences: Iterable[Sentence]) -> list[str]:
        """Return questions to begin with: the source's own examples, or else a few spread evenly over its sentences."""
        examples = [question for table in self._examples for question in table.get(language, ())]
        if examples:
            return examples
        found = [question for sentence in sentences if (question := self._question(sentence.text, language))]
        return found[:: max(1, len(found) // 4)]

    def after(
        self, language: str, index: Index, cited: Sequence[Sequence[Mapping[str, Any]]], asked: Sequence[str]
    ) -> list[str]:
        """Return SHOWN questions about the sentences nearest to those that the last answer cites, not about ones cited before.

        cited: the citations of each answer so far. asked: the questions so far, which are left out.
        """
        used = {index.sentence_at(str(c["source"]), int(c["start"])) for citations in cited for c in citations}
        last = {index.sentence_at(str(c["source"]), int(c["start"])) for c in cited[-1]} if cited else set()
        here = [number for number in sorted(last) if number >= 0 and index.is_searched(number)]
        already_asked = {fold(question) for question in asked}
        near = (index.sentences[number].text for number in index.near(here, NEIGHBOURS) if number not in used)
        questions = (self._question(sentence, language) for sentence in near)
        return list(dict.fromkeys(question for question in questions if question and fold(question) not in already_asked))[
            :SHOWN
        ]

    def _question(self, sentence: str, language: str) -> str:
        if language == "en":
            return self._questions.get((sentence, "en"), "")
        simplified = self._questions.get((sentence, "zh-Hans"), "")
        return to_traditional(simplified) if language == "zh-Hant" else simplified


def write_question(answering: Answering, number: int, language: Language, stop: Stop) -> str:
    """Return a question that a sentence answers, or "" if the generated question fails a check.

    Raises Cancelled when stopped.
    """
    index = answering.index
    prompt = suggestion_prompt(answering.templates, answering.english, index.sentences[number].text, language)
    question = answering.generate(prompt, Clock(), stop, LONGEST).split("\n")[0]
    unnamed = _POINTS_BACK.search(question) or (language == "en" and not _NAME.search(question))
    if unnamed or not asks(question):
        return ""  # it names nothing specific, or is incomplete
    query = answering.query(question)
    likely = retrieve(query, index, answering.embedder, answering.tuned).ranked
    if [found for found, _ in likely[:1]] != [number]:
        return ""
    if (answering.judge.verdict(query, [index.sentences[number].text], Clock(), stop).probability or 0.0) < SURE:
        return ""
    place = index.sentences[number].source, index.sentences[number].start
    for event in answering.stream(query, Clock(), stop):
        if isinstance(event, Final) and event.answer.answerable:
            return question if place in {(c.source, c.start) for c in event.answer.citations} else ""
    return ""


def _examples(path: Path) -> dict[str, list[str]]:
    try:
        return {str(language): tables.texts(questions) for language, questions in tables.read(path)["examples"].items()}
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise CorpusError(f'The examples file {path} cannot be read ({error}); expected [examples] en = ["…"].') from error


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Yield the valid rows; invalid ones are skipped, and their sentences are tried again."""
    try:
        for _, row in journal.rows(path):
            if isinstance(row, dict) and all(isinstance(row.get(name), str) for name in ("sentence", "language", "question")):
                yield row
    except OSError as error:
        raise CorpusError(
            f"The suggested questions in {path} cannot be read ({error.strerror}); allow reading them."
        ) from error
