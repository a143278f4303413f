"""Replace the chatbot of the page by one that answers quickly, as a word in the question commands."""

import threading
import time
from collections.abc import Iterator, Sequence

from rag.documents import Document, Passage, split_document
from rag.errors import Cancelled, GenerationError
from rag.results import Answer, Citation, Event, Evidence, Final, Progress, Timings, Token

TEXT = (
    "杭州的互聯網生態起步早,基礎深厚。\n"
    "2023年杭州私募股權基金規模突破1.8萬億元。\n"
    '有人在文中寫了<img src=x onerror="window.planted=1"><script>window.planted=1</script>。\n'
    + "這一段只是為了讓文章夠長。\n" * 60
    + "浙江大學等高校提供了穩定的人才。\n"
)
EXAMPLES = {
    "en": ["Why was DeepSeek born in Hangzhou?", "How many parameters does DeepSeek-R1 have?"],
    "zh-Hant": ["為什麼 DeepSeek 誕生在杭州？"],
    "zh-Hans": ["为什么 DeepSeek 诞生在杭州？"],
}
NEXT = {"en": "Which universities does Hangzhou have?", "zh-Hant": "杭州有哪些大學？", "zh-Hans": "杭州有哪些大学？"}


class Scripted:
    """Find the first sentence of the first document and the last sentence of the last, and answer with both as citations.

    Words in the question change this. "deep": the last sentence is the best evidence. "slow": one second per word. "queue":
    wait two seconds in line first. "greet": reply to small talk. "unsaid": decline. "break": fail with an engine's error.
    "crash": fail with an unexpected one.
    """

    def __init__(self, documents: Sequence[Document] = (Document("article.txt", TEXT, "杭州的故事"),)) -> None:
        self.documents = tuple(documents)
        self.sentences = [sentence for document in self.documents for sentence in split_document(document)]
        self.stopped = threading.Event()
        self.ended = threading.Event()

    def status(self) -> tuple[str, str]:
        return "ready", ""

    def metrics(self) -> str:
        return "rag_waiting 0\n"

    def suggest(self, language: str, cited: Sequence[object] = (), asked: Sequence[str] = ()) -> list[str]:
        return [NEXT[language]] if asked else EXAMPLES[language]

    def _citations(self) -> tuple[Citation, ...]:
        chosen = (self.sentences[0], self.sentences[-1])
        return tuple(Citation(m, s.text, s.source, s.start, s.end, m - 1, 0.9) for m, s in enumerate(chosen, start=1))

    def retrieve(self, question: str, history: Sequence[object] = ()) -> Evidence:
        citations = self._citations()
        passages = tuple(Passage(c.quote, c.source, c.start, c.end, 0.5) for c in citations)
        return Evidence(passages, citations, 0.01)

    def stream(self, question: str, history: Sequence[object] = (), cancelled=None) -> Iterator[Event]:
        found = self.retrieve(question)
        if "deep" in question:
            found = Evidence(found.passages, found.sentences[::-1], found.seconds)
        self.ended.clear()
        try:
            yield found
            yield from self._words(question, history, cancelled, found)
        finally:
            self.ended.set()

    def _words(self, question: str, history: Sequence[object], cancelled, found: Evidence) -> Iterator[Event]:
        if "crash" in question:
            raise ValueError("a fault that nobody foresaw")
        if "greet" in question:
            yield Final(Answer("你好！", False, "small talk", language="zh-Hant", engine="scripted"))
            return
        if "break" in question:
            raise GenerationError("The engine failed: it ran out of memory. Ask again.")
        if "queue" in question:
            yield Progress(stage="waiting", place=2, expected_s=14.0)
            time.sleep(2)
        yield Progress(stage="reading", fraction=0.5)
        for word in ("杭州", "的", "互聯網", "生態"):
            if cancelled is not None and cancelled():
                self.stopped.set()
                raise Cancelled("The answer was stopped.")
            yield Token(text=word)
            time.sleep(1.0 if "slow" in question else 0.05)
        timings = Timings(0.01, 0.5, 1.0, 120, 20, 100)
        if "unsaid" in question:
            text = "文中沒有說明這一點。最接近的內容是：杭州的互聯網生態起步早,基礎深厚。[1]"
            yield Final(
                Answer(text, False, "not in the text", found.sentences[:1], found.passages, timings, "zh-Hant", "scripted")
            )
            return
        text = f'杭州起步早 <img src=x onerror="window.planted=1">（{len(history)}）。[1]\n高校提供人才。[2]'
        yield Final(Answer(text, True, "", found.sentences, found.passages, timings, "zh-Hant", "scripted"))
