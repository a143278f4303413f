"""Answer one question: retrieve evidence, draft an answer, gate and ground the draft, compose the answer.

All components are passed in and no state is kept between questions. Loading, queueing and time limits are in `pipeline.py`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from typing import NamedTuple

from rag.clock import Clock
from rag.composition import compose, localized, merge
from rag.embedding import Embedder, Vectors
from rag.english import English
from rag.english.proper_names import stands_as_name
from rag.english.romanization import respelled
from rag.errors import Cancelled, GenerationError
from rag.evidence import best_with_antecedent, evidence, find, passages
from rag.generation import Generator as Engine
from rag.generation import Piece, Prompt, Reading, Stop, Trace, Usage
from rag.grounding import ground
from rag.grounding.claim import Claim, PartAnswer, without_repeats
from rag.grounding.completion import Completion
from rag.grounding.draft import Sentence, split_draft
from rag.grounding.gate import Signals, probability, too_distant
from rag.grounding.judge import Judge
from rag.grounding.probe import Probe, Probes
from rag.grounding.quotes import Quotes
from rag.index import Index
from rag.prompting import answer_prompt
from rag.question import Query, read_question
from rag.question.intents import IntentClassifier
from rag.question.kinds import QuestionKinds, asks_reason
from rag.replies import reply
from rag.results import Answer, Event, Evidence, Final, Message, Progress, Token
from rag.retrieval import Found, context_passages
from rag.templates import Templates
from rag.text import clean
from rag.text.script import Language
from rag.translation import Translator
from rag.tuned import Tuned

_LOOP = re.compile(r"(.)\1{15}\Z|([\d,.]{2,20}?)\2{15}\Z|((?=[\d,.]*[^\d,.]).{2,60}?)\3{3}\Z", re.DOTALL)
"""A character 16 times in a row or a phrase 4 times at the end of a text; digits 16 times, because of 100,000,000."""


@dataclass(frozen=True)
class Switches:
    """The stages that are enabled; the evaluation's ablations disable some."""

    gate: bool = True
    grounding: bool = True


class _Draft(NamedTuple):
    """A draft, the hidden state after its end and the hidden states of its tokens, None where they are not available."""

    text: str
    state: Vectors | None
    trace: Trace | None


@dataclass(frozen=True)
class Answering:
    """The components that answer questions; `watch` is called with the gate's signals of each draft, for tuning the gate."""

    index: Index
    embedder: Embedder
    generator: Engine
    templates: Templates
    english: English
    intents: IntentClassifier
    kinds: QuestionKinds
    tuned: Tuned
    max_tokens: int
    probes: Probes | None = None
    claim_probe: Probe | None = None
    switches: Switches = field(default_factory=Switches)
    watch: Callable[[Signals], None] | None = None

    def stream(self, query: Query, clock: Clock, stop: Stop) -> Iterator[Event]:
        """Yield the events of one answer, ending with Final."""
        intent, asked = self.intents.classify(query.text, self.embedder, follows=bool(query.previous))
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
        answering = self._with_names(parts, clock, stop)
        answers: list[PartAnswer] = []
        for found in parts:
            if answers:
                yield Token(text="\n\n")
            answers.append((yield from answering._answered(found, clock, stop)))
        yield Final(answering._joined(answers, parts, query.language, clock))

    def _with_names(self, parts: Sequence[Found], clock: Clock, stop: Stop) -> Answering:
        """Return self; for an English question, extended by the English forms of the names in the sentences to be read."""
        if parts[0].query.language != "en":
            return self
        read = dict.fromkeys(number for found in parts if not self._too_distant(found) for number in found.chosen)
        translator = self.translator(clock, stop).with_names([self.index.sentences[number].text for number in read])
        return replace(self, english=translator.english)

    def _answered(self, found: Found, clock: Clock, stop: Stop) -> Generator[Event, None, PartAnswer]:
        """Yield the events of answering one of the questions and return its answer."""
        if self._too_distant(found):
            return self._declined(found, clock, stop)
        draft = yield from self._draft(self._prompt(found), clock, stop)
        return (yield from self._checked(draft, found, clock, stop))

    def _too_distant(self, found: Found) -> bool:
        """Return whether nothing retrieved is near enough to the question to be worth a draft."""
        return self.switches.gate and too_distant(found.top_similarity, found.query.language, self.tuned)

    def query(self, question: str, history: Sequence[Message] = ()) -> Query:
        """Return the query for a question and the conversation before it."""
        return read_question(question, history, self.index.script, self.english.names)

    def prompt(self, query: Query) -> Prompt:
        """Return the draft prompt for a query (for the first of several questions), to be read ahead."""
        return self._prompt(self.find(query)[0])

    def find(self, query: Query) -> tuple[Found, ...]:
        """Return what retrieval finds for a query: one item for each question that it asks."""
        return find(query, self.index, self.embedder, self.kinds, self.tuned)

    def _prompt(self, found: Found) -> Prompt:
        reason = asks_reason(found.query.text) and not found.summary
        return answer_prompt(self.templates, self.english, found.query, context_passages(found, self.index), reason)

    @property
    def judge(self) -> Judge:
        """Return the judge of whether sentences answer a question."""
        return Judge(self.index, self.generator, self.templates)

    def drafted(self, found: Found, clock: Clock, stop: Stop) -> list[Sentence]:
        """Return the sentences of the draft for a retrieved question, unchecked."""
        answering = self._with_names([found], clock, stop)
        steps = answering._draft(answering._prompt(found), clock, stop)
        try:
            while True:
                next(steps)
        except StopIteration as over:
            return answering._sentences(over.value, found)

    def _draft(self, prompt: Prompt, clock: Clock, stop: Stop) -> Generator[Event, None, _Draft]:
        """Yield the events of drafting and return the draft."""
        text, received, state, trace = "", 0, None, None
        for step in self.generator.stream(prompt, self.max_tokens, stop):
            if isinstance(step, Reading):
                yield Progress(stage="reading", fraction=step.fraction)
            elif isinstance(step, Piece):
                clock.first_token_s = clock.first_token_s or clock.now()
                piece = clean(step.text)
                text += piece
                received += len(step.text)
                yield Token(text=piece)
                if _repeats_itself(text):  # small models may repeat themselves for ever; keep the text so far
                    break
            elif isinstance(step, Usage):
                clock.add(step)
                state = step.state
                trace = step.trace if received == len(text) else None  # its offsets are valid only if `clean` removed nothing
        if not text.strip():
            raise GenerationError("The engine returned no text; ask again, or raise RAG_MAX_TOKENS if its model reasons first.")
        return _Draft(text, state, trace)

    def generate(self, prompt: Prompt, clock: Clock, stop: Stop, max_tokens: int | None = None) -> str:
        """Return what the generator writes, "" if it falls into a repetition.

        max_tokens: maximum length, by default that of an answer.
        """
        text = ""
        for step in self.generator.stream(prompt, self.max_tokens if max_tokens is None else max_tokens, stop):
            if isinstance(step, Piece):
                text += clean(step.text)
                if _repeats_itself(text):
                    return ""
            elif isinstance(step, Usage):
                clock.add(step)
        return text.strip()

    def _checked(self, draft: _Draft, found: Found, clock: Clock, stop: Stop) -> Generator[Event, None, PartAnswer]:
        """Yield the events of checking a draft and return the resulting answer, or a decline."""
        yield Progress(stage="checking", fraction=0.0)
        sentences = self._sentences(draft, found)
        claims = self._claims(sentences, found, self.english)
        account = self.kinds.account_over_detail(found.query.text, self.embedder)
        sure = 1.0
        if self.switches.gate:
            signals = self.judge.signals(found, claims, draft.state, account, clock, stop)
            sure = probability(signals, self.probes, self.tuned)
            if self.watch is not None:
                self.watch(signals)
        yield Progress(stage="checking", fraction=0.5)  # translating quotes may follow
        if sure < self.tuned.gate_threshold:
            return self._declined(found, clock, stop)
        if not self.switches.grounding:
            return PartAnswer((Claim("", draft.text.strip()),))
        quotes = self._quotes(found.query.language, clock, stop)
        if translations := self._missing_translations(claims, quotes):
            claims = self._claims(sentences, found, self.english.with_translations(translations))
        return PartAnswer(tuple(self._completed(claims, found, account > 0, quotes)))

    def _sentences(self, draft: _Draft, found: Found) -> list[Sentence]:
        """Return the sentences of a draft, in English with names corrected to the romanisation of those in the evidence."""
        sentences = split_draft(draft.text, draft.trace)
        if found.query.language != "en":
            return sentences
        shown = " ".join(self.index.sentences[number].text for number in found.chosen)
        return [sentence._replace(text=respelled(sentence.text, shown, found.query.text)) for sentence in sentences]

    def _claims(self, sentences: Sequence[Sentence], found: Found, english: English) -> list[Claim]:
        """Return the sentences of a draft as claims, with the source sentences that support them."""
        chosen, probe = found.chosen, self.claim_probe
        return ground(sentences, found.query, chosen, self.index, self.embedder, self.tuned, english, probe)

    def _missing_translations(self, claims: Sequence[Claim], quotes: Quotes) -> dict[str, str]:
        """Return English translations of the claims' best sources that lack one, for comparing their words with the claims."""
        if quotes.language != "en":
            return {}
        cited = dict.fromkeys(self.index.sentences[claim.sources[0]].text for claim in claims if claim.sources)
        return {text: quotes.translated(text) for text in cited if self.english.needs_translation(text)}

    def _completed(self, claims: Sequence[Claim], found: Found, account: bool, quotes: Quotes) -> list[Claim]:
        """Return the supported claims, source quotes in place of unsupported ones, and quotes of what the draft omits.

        Claims without a source are dropped; in a summary, so are all other unsupported ones.
        """
        sourced = [claim for claim in claims if claim.sources]
        if found.summary:
            listed, most = found.summary.listed, found.summary.most
            kept = [claim for claim in sourced if claim.is_supported(self.tuned.cover)][:most]
            room = self.tuned.listed if most is None else most - len(kept)
            left_out = Completion(kept, self.index, self.english, self.tuned).left_out(listed, room)
            return [*kept, *quotes.after_summary(left_out)]
        if not sourced:
            return quotes.as_answer(best_with_antecedent(found, self.index))
        kept = [claim if claim.is_supported(self.tuned.cover) else self._replaced_by_quote(claim, quotes) for claim in sourced]
        completion = Completion(kept, self.index, self.english, self.tuned)
        return [*kept, *quotes.after_draft(completion.sentences_to_quote(found.ranked, found.query.text, account))]

    def _replaced_by_quote(self, claim: Claim, quotes: Quotes) -> Claim:
        """Return a quote of the best source of an unsupported claim, to replace the claim."""
        return replace(quotes.of(claim.sources[0]), before=claim.before)

    def _quotes(self, language: Language, clock: Clock, stop: Stop) -> Quotes:
        translator = self.translator(clock, stop)
        return Quotes(self.index, self.english, language, cache(lambda quote: translator.sentence(quote, language)))

    def translator(self, clock: Clock, stop: Stop) -> Translator:
        """Return the translator of source sentences."""
        return Translator(
            self.templates,
            self.english,
            write=lambda prompt, most: self.generate(prompt, clock, stop, most),
            is_name=lambda word: stands_as_name(word, (document.text for document in self.index.documents)),
        )

    def _declined(self, found: Found, clock: Clock, stop: Stop) -> PartAnswer:
        """Return a decline, followed by the sentence of the text nearest to the question unless that is too far from it."""
        language = found.query.language
        claims = [Claim("", reply("not_in_text", language))]
        if not too_distant(found.ranked[0][1], language, self.tuned):
            claims += self._quotes(language, clock, stop).after_decline(best_with_antecedent(found, self.index))
        return PartAnswer(tuple(claims), declined=True)

    def _joined(self, answers: Sequence[PartAnswer], parts: Sequence[Found], language: Language, clock: Clock) -> Answer:
        """Return the answer to one question, or to several asked in one message."""
        declined = all(answer.declined for answer in answers)
        claims = merge(answers, language)
        sentences, citations = compose(without_repeats(claims), self.index)
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


def _repeats_itself(text: str) -> bool:
    """Return whether the end of a text is a repetition, as `_LOOP` describes it."""
    return _LOOP.search(text[-240:]) is not None
