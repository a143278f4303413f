"""Answer one question: evidence, gate, draft, grounding, answer.

It is handed everything it works with and keeps nothing; who asks, who waits and how models are loaded is `pipeline.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from rag.clock import Clock
from rag.composition import compose, localized
from rag.embedding import Embedder, Vectors
from rag.english import English
from rag.english.proper_names import stands_as_name
from rag.english.romanization import respelled
from rag.english.translation import Translator
from rag.errors import Cancelled, GenerationError
from rag.evidence import evidence, find, likeliest, passages
from rag.generation import Generator as Engine
from rag.generation import Piece, Prompt, Reading, Stop, Trace, Usage
from rag.grounding import ground
from rag.grounding.claim import Claim, once
from rag.grounding.completion import Completion
from rag.grounding.draft import Sentence, split_draft
from rag.grounding.gate import Signals, hopeless, probability
from rag.grounding.judge import Judge
from rag.grounding.probe import Probe, Probes
from rag.grounding.quotes import Quotes
from rag.index import Index
from rag.prompting import Templates, answer_prompt
from rag.question import Query, read_question
from rag.question.asking import Asking, asks_reason
from rag.question.steering import Steering
from rag.replies import reply
from rag.results import Answer, Event, Evidence, Final, Message, Progress, Token
from rag.retrieval import Found, pieces
from rag.text import clean
from rag.text.script import Language
from rag.tuned import Tuned

_ORDER = ("first", "second", "third")
"""How the questions that are asked at once are counted."""
_LOOP = re.compile(r"(.)\1{15}\Z|([\d,.]{2,20}?)\2{15}\Z|((?=[\d,.]*[^\d,.]).{2,60}?)\3{3}\Z", re.DOTALL)
"""A character or a phrase again and again, at the end of a text; digits, as those of 100,000,000, may come more often."""


@dataclass(frozen=True)
class Switches:
    """Hold which stages are at work; the evaluation's ablations turn some off."""

    gate: bool = True
    grounding: bool = True


class _Draft(NamedTuple):
    """Hold what the generator wrote, and, if the engine shows them, its state when that was over and those behind its words."""

    text: str
    state: Vectors | None
    trace: Trace | None


@dataclass(frozen=True)
class _PartAnswer:
    """Hold the claims that answer one of the questions asked, or decline it."""

    claims: tuple[Claim, ...]
    declined: bool = False


@dataclass(frozen=True)
class Answering:
    """Hold what answers are made with; `watch` is told each draft's signals, for those who tune the gate."""

    index: Index
    embedder: Embedder
    generator: Engine
    templates: Templates
    english: English
    steering: Steering
    asking: Asking
    tuned: Tuned
    max_tokens: int
    probes: Probes | None = None
    claim_probe: Probe | None = None
    switches: Switches = field(default_factory=Switches)
    watch: Callable[[Signals], None] | None = None

    def stream(self, query: Query, clock: Clock, stop: Stop) -> Iterator[Event]:
        """Yield the events of one answer, the last of them Final."""
        intent, asked = self.steering.judge(query.text, self.embedder, follows=bool(query.previous))
        if intent != "question":
            clock.retrieve_s = clock.now()
            yield Evidence(seconds=clock.retrieve_s)
            text = reply(intent.replace(" ", "_"), query.language)
            yield Final(
                Answer(
                    text,
                    answerable=False,
                    reason=intent,
                    timings=clock.timings(),
                    language=query.language,
                    engine=self.generator.name,
                    sentences=(text,),
                )
            )
            return
        if stop():
            raise Cancelled("The answer was stopped.")
        parts = self.find(replace(query, text=asked))
        clock.retrieve_s = clock.now()
        yield evidence(parts, self.index, clock.retrieve_s)
        answering = self._naming(parts, clock, stop)
        answers: list[_PartAnswer] = []
        for found in parts:
            if answers:
                yield Token(text="\n\n")
            answers.append((yield from answering._answered(found, clock, stop)))
        yield Final(answering._joined(answers, parts, query.language, clock))

    def _naming(self, parts: Sequence[Found], clock: Clock, stop: Stop) -> Answering:
        """Return what answers, if in English, with the names in the sentences that will be read, as English writes them."""
        if parts[0].query.language != "en":
            return self
        read = dict.fromkeys(number for found in parts if not self._hopeless(found) for number in found.chosen)
        translator = self.translator(clock, stop).naming([self.index.sentences[number].text for number in read])
        return replace(self, english=translator.english)

    def _answered(self, found: Found, clock: Clock, stop: Stop) -> Generator[Event, None, _PartAnswer]:
        """Yield the events of answering one question and return its answer."""
        if self._hopeless(found):
            return self._declined(found, clock, stop)
        draft = yield from self._draft(self._prompt(found), clock, stop)
        return (yield from self._checked(draft, found, clock, stop))

    def _hopeless(self, found: Found) -> bool:
        """Tell whether nothing that was found is worth a draft."""
        return not found.passages or (self.switches.gate and hopeless(found.nearest, found.query.language, self.tuned))

    def query(self, question: str, history: Sequence[Message] = ()) -> Query:
        """Return a question as it is searched for in this text."""
        return read_question(question, history, self.index.script, self.english.names)

    def prompt(self, query: Query) -> Prompt:
        """Return what the generator reads for a question, so that it can be read ahead."""
        return self._prompt(self.find(query)[0])

    def find(self, query: Query) -> tuple[Found, ...]:
        """Return what is found for a question, or for each of several that are asked at once."""
        return find(query, self.index, self.embedder, self.asking, self.tuned)

    def _prompt(self, found: Found) -> Prompt:
        reason = asks_reason(found.query.text) and not found.summary
        return answer_prompt(self.templates, self.english, found.query, pieces(found, self.index), reason)

    @property
    def judge(self) -> Judge:
        """Return what tells whether sentences answer a question."""
        return Judge(self.index, self.generator, self.templates)

    def drafted(self, found: Found, clock: Clock, stop: Stop) -> list[Sentence]:
        """Return the sentences of the draft that answers what was found, unchecked."""
        answering = self._naming([found], clock, stop)
        steps = answering._draft(answering._prompt(found), clock, stop)
        try:
            while True:
                next(steps)
        except StopIteration as over:
            return answering._sentences(over.value, found)

    def _draft(self, prompt: Prompt, clock: Clock, stop: Stop) -> Generator[Event, None, _Draft]:
        """Yield the draft's events and return it."""
        text, said, state, trace = "", 0, None, None
        for step in self.generator.stream(prompt, self.max_tokens, stop):
            if isinstance(step, Reading):
                yield Progress(stage="reading", fraction=step.fraction)
            elif isinstance(step, Piece):
                clock.first_token_s = clock.first_token_s or clock.now()
                piece = clean(step.text)
                text += piece
                said += len(step.text)
                yield Token(text=piece)
                if _LOOP.search(text[-240:]):  # small models may say one thing for ever; the text so far is kept
                    break
            elif isinstance(step, Usage):
                clock.add(step)
                state = step.state
                trace = step.trace if said == len(text) else None  # where nothing was cleaned away, its places hold
        if not text.strip():
            raise GenerationError("The engine returned no text; ask again, or raise RAG_MAX_TOKENS if its model thinks first.")
        return _Draft(text, state, trace)

    def generate(self, prompt: Prompt, clock: Clock, stop: Stop, max_tokens: int | None = None) -> str:
        """Return what the generator writes, "" where it only repeats itself.

        max_tokens: at most so many (those of an answer by default).
        """
        text = ""
        for step in self.generator.stream(prompt, self.max_tokens if max_tokens is None else max_tokens, stop):
            if isinstance(step, Piece):
                text += clean(step.text)
                if _LOOP.search(text[-240:]):
                    return ""
            elif isinstance(step, Usage):
                clock.add(step)
        return text.strip()

    def _checked(self, draft: _Draft, found: Found, clock: Clock, stop: Stop) -> Generator[Event, None, _PartAnswer]:
        """Yield the events of checking a draft and return the answer that it makes, or a decline."""
        yield Progress(stage="checking", fraction=0.0)
        sentences = self._sentences(draft, found)
        claims = self._claims(sentences, found, self.english)
        account = self.asking.account_over_detail(found.query.text, self.embedder)
        sure = 1.0
        if self.switches.gate:
            signals = self.judge.signals(found, claims, draft.state, account, clock, stop)
            sure = probability(signals, self.probes, self.tuned)
            if self.watch is not None:
                self.watch(signals)
        yield Progress(stage="checking", fraction=0.5)  # quotes may still be translated
        if sure < self.tuned.gate_threshold:
            return self._declined(found, clock, stop)
        if not self.switches.grounding:
            return _PartAnswer((Claim("", draft.text.strip(), (), ()),))
        quotes = self._quotes(found.query.language, clock, stop)
        if told := self._told(claims, quotes):
            claims = self._claims(sentences, found, self.english.knowing(told))
        return _PartAnswer(tuple(self._completed(claims, found, account > 0, quotes)))

    def _sentences(self, draft: _Draft, found: Found) -> list[Sentence]:
        """Return the sentences of a draft, its names, if it is in English, spelled as what it was shown is read."""
        sentences = split_draft(draft.text, draft.trace)
        if found.query.language != "en":
            return sentences
        shown = " ".join(self.index.sentences[number].text for number in found.chosen)
        return [sentence._replace(text=respelled(sentence.text, shown, found.query.text)) for sentence in sentences]

    def _claims(self, sentences: Sequence[Sentence], found: Found, english: English) -> list[Claim]:
        """Return the sentences of a draft, tied to their sources."""
        chosen, probe = found.chosen, self.claim_probe
        return ground(sentences, found.query, chosen, self.index, self.embedder, self.tuned, english, probe)

    def _told(self, claims: Sequence[Claim], quotes: Quotes) -> dict[str, str]:
        """Return in English what English claims cite, where the model read it in Chinese: now their words can be compared."""
        if quotes.language != "en":
            return {}
        cited = dict.fromkeys(self.index.sentences[claim.sources[0]].text for claim in claims if claim.sources)
        return {text: quotes.told(text) for text in cited if self.english.lacks(text)}

    def _completed(self, claims: Sequence[Claim], found: Found, account: bool, quotes: Quotes) -> list[Claim]:
        """Return the claims that a source says, the source in place of those that stray, and quotes of what they leave out."""
        sourced = [claim for claim in claims if claim.sources]
        if found.summary:
            listed, most = found.summary.listed, found.summary.most
            kept = [claim for claim in sourced if claim.holds(self.tuned.cover)][:most]
            room = self.tuned.listed if most is None else most - len(kept)
            left_out = Completion(kept, self.index, self.english, self.tuned).left_out(listed, room)
            return [*kept, *quotes.listed(left_out)]
        if not sourced:
            return quotes.alone(likeliest(found, self.index))
        kept = [claim if claim.holds(self.tuned.cover) else self._mended(claim, quotes) for claim in sourced]
        unsaid = Completion(kept, self.index, self.english, self.tuned).unsaid(found.likely, found.query.text, account)
        return [*kept, *quotes.said(unsaid)]

    def _mended(self, claim: Claim, quotes: Quotes) -> Claim:
        """Return the source sentence itself in place of a claim that strays from it."""
        return replace(quotes.of(claim.sources[0]), before=claim.before)

    def _quotes(self, language: Language, clock: Clock, stop: Stop) -> Quotes:
        translator = self.translator(clock, stop)
        return Quotes(self.index, self.english, language, cache(lambda quote: translator.sentence(quote, language)))

    def translator(self, clock: Clock, stop: Stop) -> Translator:
        """Return what puts source sentences into another language."""
        return Translator(
            self.templates,
            self.english,
            write=lambda prompt, most: self.generate(prompt, clock, stop, most),
            is_name=lambda word: stands_as_name(word, (document.text for document in self.index.documents)),
        )

    def _declined(self, found: Found, clock: Clock, stop: Stop) -> _PartAnswer:
        """Return a decline that says the nearest thing the text does say."""
        language = found.query.language
        claims = [Claim("", reply("not_in_text", language), (), ())]
        if not hopeless(found.likely[0][1], language, self.tuned):
            claims += self._quotes(language, clock, stop).nearest(likeliest(found, self.index))
        return _PartAnswer(tuple(claims), declined=True)

    def _joined(self, answers: Sequence[_PartAnswer], parts: Sequence[Found], language: Language, clock: Clock) -> Answer:
        """Return the answer to one question, or to several that were asked at once.

        Where one of them is declined, what the answer to another cites is not quoted as the nearest once more.
        """
        declined = all(answer.declined for answer in answers)
        cited = {source for answer in answers if not answer.declined for claim in answer.claims for source in claim.sources}
        claims: list[Claim] = []
        for number, answer in enumerate(answers[:1] if declined else answers):
            first, *others = answer.claims
            if answer.declined and not declined:
                first = replace(first, text=reply(f"{_ORDER[number]}_not_in_text", language))
                others = [] if any(cited.intersection(quote.sources) for quote in others) else others
            claims += [replace(first, before=f"\n\n{first.before}") if number else first, *others]
        sentences, citations = compose(once(claims), self.index)
        sentences = localized(sentences, citations, language, self.index, self.english.names)
        return Answer(
            text="".join(sentences),
            answerable=not declined,
            reason="not in the text" if declined else "",
            citations=citations,
            passages=passages(parts),
            timings=clock.timings(),
            language=language,
            engine=self.generator.name,
            sentences=sentences,
        )
