"""Build the prompts that the generator reads.

Their words are the templates in `prompts/` (see `templates.py`). Chinese is written in Simplified characters.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence

from rag.documents import Passage
from rag.english import English
from rag.generation import Prompt
from rag.question import Query
from rag.results import Message
from rag.templates import Templates
from rag.text import clean
from rag.text.script import HAN, IN_PARENTHESES, Language, has_han, mostly_latin, to_simplified

LANGUAGES: tuple[Language, ...] = ("zh-Hans", "en")
"""Languages of the prompts; for Traditional Chinese, the generator reads and writes Simplified characters."""
_CONTROL_TOKEN = re.compile(r"<(?=[|｜/<A-Za-z_])|[|｜](?=>)|\[(?=/?[A-Z_]{3,}\]|\||gMASK\])")
"""Where to break up the control tokens of various model families: <|im_end|>, <end_of_turn>, [INST], [|system|]."""

_MARK_BESIDE_HAN = re.compile(rf"(?<=[{HAN}])[「」]+|[「」]+(?=[{HAN}])")
_ANYTHING = "root ::= [^\\x00]+"
"""A grammar that allows any text."""


def _for_model(text: str) -> str:
    """Return text as the generator reads it: in Simplified characters, without anything an engine parses as a control token."""
    return _without_control_tokens(to_simplified(clean(text)))


def _without_control_tokens(text: str) -> str:
    return _CONTROL_TOKEN.sub(r"\g<0> ", text)


def evidence_text(passages: Sequence[Passage], english: English | None = None) -> str:
    """Return passages as the generator reads them: one per line, without invisible characters.

    english: names and translations, with which the passages are rendered for an English question. Without it, Chinese is
    converted to Simplified characters.
    """
    lines = (" ".join(clean(passage.text).split()) for passage in passages)
    return "\n".join(_without_control_tokens(english.render(line)) if english else _for_model(line) for line in lines)


def _evidence(english: English, query: Query, passages: Sequence[Passage]) -> str:
    return evidence_text(passages, english if query.language == "en" else None)


def _folder(language: Language) -> str:
    return "en" if language == "en" else "zh"


def _asked(templates: Templates, query: Query, evidence: str) -> str:
    variables = {"passages": evidence, "question": _for_model(query.text)}
    if query.previous:
        previous = _for_model(f"{query.previous} {query.previous_answer}".strip())
        return templates.fill(f"{_folder(query.language)}/follow_up", previous=previous, **variables)
    return templates.fill(f"{_folder(query.language)}/question", **variables)


def _prompt(templates: Templates, query: Query, evidence: str, content: str, grammar: str = "") -> Prompt:
    translating = query.language == "en" and has_han(IN_PARENTHESES.sub("", evidence))
    system = templates.text(f"{_folder(query.language)}/{'system_chinese' if translating else 'system'}")
    return Prompt(({"role": "system", "content": system}, {"role": "user", "content": content}), grammar=grammar)


def _grammar(templates: Templates, language: Language, read: str) -> str:
    """Return the grammar that keeps an answer in its language, "" if none is needed.

    English answers always have one, Chinese ones only if the text that is read is in English.
    """
    return templates.text(f"{_folder(language)}/answer.gbnf") if language == "en" or mostly_latin(read) else ""


def answer_prompt(
    templates: Templates, english: English, query: Query, passages: Sequence[Passage], reason: bool = False
) -> Prompt:
    """Return the prompt whose continuation is the draft.

    english: names and translations, with which the passages are rendered for an English question. reason: whether the draft
    must begin with "because"; without it, small models restate a question for a reason and complete it with whatever is nearby
    in the text.
    """
    evidence = _evidence(english, query, passages)
    grammar = _grammar(templates, query.language, evidence)
    if reason:
        grammar = _with_prefix(grammar or _ANYTHING, templates.text(f"{_folder(query.language)}/reason"))
    return _prompt(templates, query, evidence, _asked(templates, query, evidence), grammar)


def _with_prefix(grammar: str, words: str) -> str:
    """Return a grammar with some words required at the beginning."""
    return grammar.replace("root ::=", f"root ::= {json.dumps(words, ensure_ascii=False)}", 1)


def judge_prompt(templates: Templates, query: Query, sentences: Sequence[str]) -> Prompt:
    """Return the prompt whose first reply token is one of `verdicts`: whether source sentences answer a question.

    Its examples are always the same, so an engine with a prefix cache reads only the sentences and the question. A follow-up
    question is judged without the previous question, since the sentences may answer only that one.
    """
    examples = templates.examples("judge")
    asked = _for_model(query.text)
    source = "\n".join(map(_line, sentences))
    shown = [{"source": example["source"], "question": example["question"]} for example in examples]
    *worked, last = templates.fill_each("judge/question", [*shown, {"source": source, "question": asked}])
    verdicts = [example["verdict"] for example in examples]
    return _after_examples(templates.text("judge/system"), zip(worked, verdicts, strict=True), last)


def verdicts(templates: Templates) -> tuple[str, str]:
    """Return the judge's replies: that the sentences answer the question, and that they do not."""
    yes, no = templates.words("judge", "yes", "no")
    return yes, no


def beginning_prompt(templates: Templates, english: English, query: Query, passage: Passage) -> Prompt:
    """Return the common beginning of all prompts whose best passage is this one."""
    opening = templates.text(f"{_folder(query.language)}/question").split("$passages")[0]
    evidence = _evidence(english, query, [passage])
    return _prompt(templates, query, evidence, opening + evidence)


def english_prompt(templates: Templates, english: English, quote: str) -> Prompt:
    """Return the prompt that translates a Chinese sentence into English; known names and amounts are in English already."""
    return _translation(templates, "to_english", english.annotate(_line(quote)), _grammar(templates, "en", quote))


def chinese_prompt(templates: Templates, quote: str, names: Sequence[str]) -> Prompt:
    """Return the prompt that translates an English sentence into Chinese; the names, which must not change, are in 「」."""
    return _translation(templates, "to_chinese", _marked(_line(quote), names), _grammar(templates, "zh-Hans", quote))


def _translation(templates: Templates, folder: str, source: str, grammar: str) -> Prompt:
    examples = templates.examples(folder)
    sources = [*(example["source"] for example in examples), source]
    *shown, last = templates.fill_each(f"{folder}/quote", [{"quote": text} for text in sources])
    worked = zip(shown, (example["translation"] for example in examples), strict=True)
    return Prompt(_turns(worked, last), grammar=grammar)


def _marked(sentence: str, names: Sequence[str]) -> str:
    """Return a sentence with each name in 「」; longer names take precedence."""
    anyone = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return re.sub(rf"(?<!\w)(?:{anyone})(?!\w)", r"「\g<0>」", sentence) if names else sentence


def unmarked(translation: str) -> str:
    """Return a translation by `chinese_prompt` without name marks, with a space between a name and Chinese characters."""
    return " ".join(_MARK_BESIDE_HAN.sub(" ", translation).replace("「", "").replace("」", "").split())


def names_prompt(templates: Templates, sentences: Sequence[str]) -> Prompt:
    """Return the prompt whose continuation lists the people and places in Chinese sentences, each with one of `name_kinds`."""
    examples = ((example["source"], example["names"]) for example in templates.examples("names"))
    return _after_examples(templates.text("names/system"), examples, "\n".join(map(_line, sentences)))


def name_kinds(templates: Templates) -> tuple[str, str]:
    """Return the words that follow the name of a person and that of a place, in this order."""
    person, place = templates.words("names", "person", "place")
    return person, place


def suggestion_prompt(templates: Templates, english: English, sentence: str, language: Language) -> Prompt:
    """Return the prompt whose continuation is a question, in a language, that a source sentence answers."""
    name = _folder(language)
    examples = ((example["source"], example[name]) for example in templates.examples("suggest"))
    asked = english.annotate(_line(sentence)) if language == "en" else _line(sentence)
    return _after_examples(templates.text(f"suggest/{name}"), examples, asked, _grammar(templates, language, sentence))


def _after_examples(system: str, examples: Iterable[tuple[str, str]], asked: str, grammar: str = "") -> Prompt:
    """Return a prompt with few-shot examples, pairs of question and reply, before the question."""
    return Prompt(({"role": "system", "content": system}, *_turns(examples, asked)), grammar=grammar)


def _turns(examples: Iterable[tuple[str, str]], asked: str) -> tuple[Message, ...]:
    messages: list[Message] = []
    for question, reply in examples:
        messages += [{"role": "user", "content": question}, {"role": "assistant", "content": reply}]
    return (*messages, {"role": "user", "content": asked})


def _line(sentence: str) -> str:
    """Return a sentence as the generator reads it, on one line."""
    return " ".join(_for_model(sentence).split())
