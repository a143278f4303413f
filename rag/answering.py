"""Answer one question: evidence, gate, draft, grounding, answer.

It is handed everything it works with and keeps nothing; who asks, who waits and how models are loaded is `pipeline.py`'s.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from rag.asking import Asking
from rag.clock import Clock
from rag.completion import Completion
from rag.embedding import Embedder, Vectors
from rag.errors import GenerationError
from rag.evidence import Part, evidence, find, passages
from rag.gate import Signals, Verdict, hopeless, probability
from rag.generation import Generator as Engine
from rag.generation import Piece, Prompt, Reading, Stop, Usage
from rag.grounding import Claim, compose, ground
from rag.index import Index
from rag.numbers import numbers_asked, stated, values
from rag.probe import Probes
from rag.prompting import Templates, answer_prompt, judge_prompt, translation_prompt
from rag.replies import reply
from rag.results import Answer, Event, Evidence, Final, Message, Progress, Token
from rag.retrieval import Found, Query, pieces, read_question
from rag.romanization import glossed, respelled, unread
from rag.steering import Steering
from rag.text import Language, clean, has_han, mostly_latin, to_script
from rag.tuned import Tuned

_LOOP = re.compile(r"(.)\1{15}$|(.{2,60}?)\2{3}$", re.DOTALL)
"""A character or a phrase again and again, at the end of a draft."""


@dataclass(frozen=True)
class Switches:
    """Hold which stages are at work; the evaluation's ablations turn some off."""

    gate: bool = True
    grounding: bool = True


class _Draft(NamedTuple):
    """Hold what the generator wrote, and its state when that was over, if the engine shows it."""

    text: str
    state: Vectors | None


@dataclass(frozen=True)
class _Told:
    """Hold the claims that answer one question, or decline it."""

    claims: tuple[Claim, ...]
    declined: bool = False


@dataclass(frozen=True)
class Answering:
    """Hold what answers are made with; `watch` is told each draft's signals, for those who tune the gate."""

    index: Index
    embedder: Embedder
    generator: Engine
    templates: Templates
    steering: Steering
    asking: Asking
    tuned: Tuned
    max_tokens: int
    probes: Probes | None = None
    switches: Switches = field(default_factory=Switches)
    watch: Callable[[Signals], None] | None = None

    def stream(self, query: Query, clock: Clock, stop: Stop) -> Iterator[Event]:
        """Yield the events of one answer, the last of them Final."""
        intent, asked = self.steering.judge(query.text, self.embedder)
        if intent != "question":
            clock.retrieve_s = clock.now()
            yield Evidence(seconds=clock.retrieve_s)
            text = reply(intent.replace(" ", "_"), query.language)
            yield Final(Answer(text, False, intent, (), (), clock.timings(), query.language, self.generator.name))
            return
        parts = self.find(replace(query, text=asked))
        clock.retrieve_s = clock.now()
        yield evidence(parts, self.index, clock.retrieve_s)
        told: list[_Told] = []
        for part in parts:
            if told:
                yield Token(text="\n\n")
            told.append((yield from self._told(part, clock, stop)))
        yield Final(self._joined(told, parts, query.language, clock))

    def _told(self, part: Part, clock: Clock, stop: Stop) -> Generator[Event, None, _Told]:
        """Yield the events of answering one question and return what is told of it."""
        found = part.found
        if not found.passages or (self.switches.gate and hopeless(found.nearest, found.query.language, self.tuned)):
            return self._declined(part, clock, stop)
        draft = yield from self._draft(self._prompt(found), clock, stop)
        yield Progress(stage="checking", fraction=1.0)
        return self._checked(draft, part, clock, stop)

    def query(self, question: str, history: Sequence[Message] = ()) -> Query:
        """Return a question as it is searched for in this text."""
        return read_question(question, history, self.index.script, self.templates.english.names)

    def prompt(self, query: Query) -> Prompt:
        """Return what the generator reads for a question, so that it can be read ahead."""
        return self._prompt(self.find(query)[0].found)

    def find(self, query: Query) -> tuple[Part, ...]:
        """Return what is found for a question, or for each of two that are asked at once."""
        return find(query, self.index, self.embedder, self.asking, self.tuned)

    def _prompt(self, found: Found) -> Prompt:
        return answer_prompt(self.templates, found.query, pieces(found, self.index))

    def _signals(self, draft: _Draft, part: Part, claims: Sequence[Claim], account: float, clock: Clock, stop: Stop) -> Signals:
        """Return what the gate weighs, the judge's verdict on the sentences behind the draft among it."""
        found = part.found
        behind = [source for claim in claims for source in claim.sources]
        behind += self._nearest(part)
        sentences = [self.index.sentences[number].text for number in dict.fromkeys(behind)]
        invented = sum(bool(claim.missing) or not claim.sources for claim in claims) / len(claims) if claims else 1.0
        asked = found.query.text
        if numbers_asked(asked) and not any(values(claim.text) - values(asked) for claim in claims):
            invented = 1.0  # "how many" is not answered by words alone, nor by the numbers that came with the question
        judged, state = self.judged(found.query, sentences, clock, stop)
        return Signals(1.0 - invented if judged is None else judged, invented, account, state, draft.state)

    def _nearest(self, part: Part) -> list[int]:
        """Return the sentence nearest to a question, behind the one that it points back at, without which it says little."""
        if not part.near:
            return []
        number, _ = part.near[0]
        before = self.index.pointed_at(number)
        return [number] if before < 0 else [before, number]

    def judged(self, query: Query, sentences: Sequence[str], clock: Clock, stop: Stop) -> Verdict:
        """Return what the generator says to whether sentences answer a question."""
        choice = self.generator.choose(judge_prompt(self.templates, query, sentences), ("能", "否"), stop)
        clock.add(choice.usage)
        yes, no = choice.chances
        return Verdict(yes / (yes + no) if yes + no else None, choice.usage.state)

    def _sure(self, signals: Signals) -> float:
        if self.watch is not None:
            self.watch(signals)
        return probability(signals, self.probes, self.tuned)

    def _draft(self, prompt: Prompt, clock: Clock, stop: Stop) -> Generator[Event, None, _Draft]:
        """Yield the draft's events and return it."""
        text, state = "", None
        for step in self.generator.stream(prompt, self.max_tokens, stop):
            if isinstance(step, Reading):
                yield Progress(stage="reading", fraction=step.fraction)
            elif isinstance(step, Piece):
                clock.first_token_s = clock.first_token_s or clock.now()
                piece = clean(step.text)
                text += piece
                yield Token(text=piece)
                if _LOOP.search(text[-240:]):  # small models may say one thing for ever; what it is was said
                    break
            elif isinstance(step, Usage):
                clock.add(step)
                state = step.state
        if not text.strip():
            raise GenerationError("The engine returned no text; ask again.")
        return _Draft(text.strip(), state)

    def generate(self, prompt: Prompt, clock: Clock, stop: Stop, max_tokens: int | None = None) -> str:
        """Return what the generator writes, of at most `max_tokens` tokens (those of an answer by default)."""
        text = ""
        for step in self.generator.stream(prompt, self.max_tokens if max_tokens is None else max_tokens, stop):
            if isinstance(step, Piece):
                text += clean(step.text)
            elif isinstance(step, Usage):
                clock.add(step)
        return text.strip()

    def _checked(self, draft: _Draft, part: Part, clock: Clock, stop: Stop) -> _Told:
        """Return the draft's claims with their sources; what no source supports is replaced by what the source says."""
        found, near = part
        language = found.query.language
        asked, english = f"{found.query.previous} {found.query.text}", self.templates.english
        text = self._spelled(draft.text, found)
        claims = ground(text, asked, found.chosen, self.index, self.embedder, self.tuned, english)
        account = self.asking.account_over_detail(found.query.text, self.embedder)
        sure = self._sure(self._signals(draft, part, claims, account, clock, stop)) if self.switches.gate else 1.0
        if sure < self.tuned.gate_threshold:
            return self._declined(part, clock, stop)
        if not self.switches.grounding:
            return _Told((Claim("", draft.text, (), ()),))
        held = [claim for claim in claims if claim.sources and not claim.missing]
        if found.summary:
            kept = [claim for claim in held if claim.cover >= self.tuned.cover]
            unsaid = Completion(kept, self.index, english, self.tuned).left_out(found.chosen)
            kept += self._source_says(unsaid, language, clock, stop, listed=True)
        elif held:
            kept = [self._mended(claim, language, clock, stop) for claim in held]
            completion = Completion(kept, self.index, english, self.tuned)
            unsaid = completion.unsaid(near, found.query.text, account > 0, sure)
            kept += self._source_says(unsaid, language, clock, stop)
        else:
            quotes = [self._quoted(number, language, clock, stop) for number in self._nearest(part)]
            kept = _announced(quotes, "", "", _gap(language))
        return _Told(tuple(kept))

    def _spelled(self, draft: str, found: Found) -> str:
        """Return a draft whose names, if it is in English, are spelled as the characters that it was shown are read."""
        if found.query.language != "en":
            return draft
        shown = " ".join(self.index.sentences[number].text for number in found.chosen)
        return respelled(draft, shown, found.query.text)

    def _mended(self, claim: Claim, language: Language, clock: Clock, stop: Stop) -> Claim:
        """Return a claim, or the source sentence itself in place of a paraphrase that strays from it."""
        if claim.cover >= self.tuned.cover:
            return claim
        return replace(self._quoted(claim.sources[0], language, clock, stop), before=claim.before)

    def _source_says(
        self, numbers: Sequence[int], language: Language, clock: Clock, stop: Stop, listed: bool = False
    ) -> list[Claim]:
        """Return source sentences, told to be the text's own, for a draft that passed them by or says little of them.

        listed: whether each of several has a line of its own, below the words that announce them.
        """
        quotes = [self._quoted(number, language, clock, stop) for number in numbers]
        lead, between = reply("says", language, quote=""), _gap(language)
        if listed and len(quotes) > 1:
            between = "\n- "
            lead = lead.rstrip() + between
        return _announced(quotes, "\n", lead, between)

    def _quoted(self, number: int, language: Language, clock: Clock, stop: Stop) -> Claim:
        """Return a source sentence as a claim of its own: in the reader's language, where every number survives it."""
        quote = self.index.sentences[number].text
        if has_han(quote) if language == "en" else mostly_latin(quote):
            english = self.templates.english.sentence(quote) if language == "en" else ""
            quote = english or self.translated(quote, language, clock, stop) or f"“{quote}”"
        return Claim("", quote, (number,), (1.0,))

    def translated(self, quote: str, language: Language, clock: Clock, stop: Stop) -> str:
        """Return a source sentence in another language, "" where a number or a name in the translation is not its own."""
        said = " ".join(self.generate(translation_prompt(self.templates, quote, language), clock, stop).split())
        if not stated(said) <= values(quote):
            return ""
        if language != "en":
            return said if has_han(said) else ""
        said = respelled(said, quote)
        return "" if unread(said, quote) else said

    def _declined(self, part: Part, clock: Clock, stop: Stop) -> _Told:
        """Return a decline that says the nearest thing the text does say."""
        language = part.found.query.language
        claims = [Claim("", reply("not_in_text", language), (), ())]
        if part.near and not hopeless(part.near[0][1], language, self.tuned):
            quotes = [self._quoted(number, language, clock, stop) for number in self._nearest(part)]
            gap = _gap(language)
            claims += _announced(quotes, gap, reply("nearest", language, quote=""), gap)
        return _Told(tuple(claims), declined=True)

    def _joined(self, told: Sequence[_Told], parts: Sequence[Part], language: Language, clock: Clock) -> Answer:
        """Return the answer to one question, or to two that were asked at once.

        Where one of two is declined, what the answer to the other cites is not quoted as the nearest once more.
        """
        declined = all(answer.declined for answer in told)
        cited = {source for answer in told if not answer.declined for claim in answer.claims for source in claim.sources}
        claims: list[Claim] = []
        for number, answer in enumerate(told[:1] if declined else told):
            first, *others = answer.claims
            if answer.declined and not declined:
                first = replace(first, text=reply(("first_not_in_text", "second_not_in_text")[number], language))
                others = [] if any(cited.intersection(quote.sources) for quote in others) else others
            claims += [replace(first, before=f"\n\n{first.before}") if number else first, *others]
        text, citations = compose(_once(claims), self.index)
        text = to_script(text, language)
        if language == "en":
            text = self.templates.english.names.gloss(text)
            text = glossed(text, " ".join(citation.quote for citation in citations))
        return Answer(
            text,
            not declined,
            "not in the text" if declined else "",
            citations,
            passages(parts),
            clock.timings(),
            language,
            self.generator.name,
        )


def _gap(language: Language) -> str:
    """Return what stands between two sentences."""
    return " " if language == "en" else ""


def _announced(quotes: Sequence[Claim], before: str, lead: str, between: str) -> list[Claim]:
    """Return quotes, the first behind `before` and the words that announce them all, the others each behind `between`."""
    first = [replace(quote, before=before, text=lead + quote.text) for quote in quotes[:1]]
    return [*first, *(replace(quote, before=between) for quote in quotes[1:])]


def _once(claims: Sequence[Claim]) -> list[Claim]:
    """Return claims without those that say again, to the letter, what one before says."""
    first: dict[str, Claim] = {}
    for claim in claims:
        first.setdefault(claim.text, claim)
    return list(first.values())
