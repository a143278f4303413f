"""Suggested questions: accepted only if the text answers them, written once, and near the last answer."""

import json
import threading
import time
from pathlib import Path

import pytest
from fakes import ARTICLE, DRAFT, FOUNDED, SENTENCE, FakeEmbedder, ScriptedGenerator, asked
from waiting import wait_for

from rag.documents import Document, read_corpus, split_document
from rag.errors import CorpusError, RagError
from rag.pipeline import Rag
from rag.results import Evidence
from rag.serving.suggestions import Suggestions, write_question
from rag.settings import Settings
from rag.text.script import to_simplified

SHIPPED = Path(__file__).parents[2] / "index" / "corpus"
QUESTION = "深度求索總部設在哪裡？"


def number(index, text: str = SENTENCE) -> int:
    return [sentence.text for sentence in index.sentences].index(text)


def cited(*texts: str) -> list[dict[str, object]]:
    return [{"source": "article.txt", "start": ARTICLE.index(text)} for text in texts]


def rows_of(path: Path) -> list[dict[str, str]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def shipped_rows() -> list[dict[str, str]]:
    return [row for path in SHIPPED.glob("*.questions.jsonl") for row in rows_of(path)]


def never() -> bool:
    return False


def test_a_question_that_the_chatbot_answers_from_its_sentence_is_accepted(make_rag) -> None:
    answering = make_rag(ScriptedGenerator([QUESTION, DRAFT])).answering()
    assert write_question(answering, number(answering.index), "zh-Hans", never) == QUESTION


@pytest.mark.parametrize(
    "written",
    ["深度求索總部設在杭州。", "與深圳相比，杭州的房價怎樣？", "这家公司的總部設在哪裡？", ""],
    ids=["not a question", "answered elsewhere", "names nothing", "nothing"],
)
def test_a_question_that_fails_a_check_is_rejected(make_rag, written: str) -> None:
    answering = make_rag(ScriptedGenerator([written, DRAFT])).answering()
    assert write_question(answering, number(answering.index), "zh-Hans", never) == ""


def test_a_question_that_the_judge_finds_unanswered_is_rejected(make_rag) -> None:
    answering = make_rag(ScriptedGenerator([QUESTION, DRAFT], chances=lambda prompt: 0.2)).answering()
    assert write_question(answering, number(answering.index), "zh-Hans", never) == ""


def test_an_english_question_without_a_name_is_rejected(make_rag) -> None:
    answering = make_rag(ScriptedGenerator(["What is the role of the government?", DRAFT])).answering()
    assert write_question(answering, number(answering.index), "en", never) == ""


def test_stored_results_are_not_missing_and_a_truncated_line_is_skipped(make_rag, corpus: Path, tmp_path: Path) -> None:
    index = make_rag().answering().index
    path = tmp_path / "questions.jsonl"
    first = Suggestions(corpus, path)
    before = list(first.missing(index))
    assert (number(index), "zh-Hans") in before
    first.keep(SENTENCE, "zh-Hans", QUESTION)
    first.keep(SENTENCE, "en", "")
    path.write_bytes(path.read_bytes() + b'{"sentence": "cut')
    assert len(list(Suggestions(corpus, path).missing(index))) == len(before) - 2


def test_a_result_stored_after_a_truncated_line_is_read(make_rag, corpus: Path, tmp_path: Path) -> None:
    index = make_rag().answering().index
    path = tmp_path / "questions.jsonl"
    path.write_bytes(b'{"sentence": "cut')
    Suggestions(corpus, path).keep(SENTENCE, "zh-Hans", QUESTION)
    assert (number(index), "zh-Hans") not in list(Suggestions(corpus, path).missing(index))


def test_a_question_that_cannot_be_stored_raises_an_error_with_advice(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    path = tmp_path / "file" / "questions.jsonl"
    with pytest.raises(RagError, match=r"^The suggested questions cannot be written to .*; free space there, or set RAG_STORE"):
        Suggestions(corpus, path).keep(SENTENCE, "en", "")


def test_an_unreadable_file_of_questions_raises_an_error_with_advice(corpus: Path, tmp_path: Path) -> None:
    (tmp_path / "questions.jsonl").mkdir()
    with pytest.raises(CorpusError, match=r"questions\.jsonl cannot be read \(Is a directory\); allow reading them\."):
        Suggestions(corpus, tmp_path / "questions.jsonl")


def test_a_stored_question_that_is_not_a_string_counts_as_missing(make_rag, corpus: Path, tmp_path: Path) -> None:
    row = {"sentence": SENTENCE, "language": "zh-Hans", "question": None}
    (tmp_path / "questions.jsonl").write_text(json.dumps(row), encoding="utf-8")
    index = make_rag().answering().index
    assert (number(index), "zh-Hans") in list(Suggestions(corpus, tmp_path / "questions.jsonl").missing(index))


def test_suggestions_begin_with_the_nearest_uncited_sentence_in_the_script_of_the_reader(
    make_rag, corpus: Path, tmp_path: Path
) -> None:
    index = make_rag().answering().index
    held = Suggestions(corpus, tmp_path / "questions.jsonl")
    near, far = "浙大校友創辦的企業超過3000家，總市值約1.8萬億元。", "上海的外資企業最多。"
    held.keep(near, "zh-Hans", "浙大校友创办了多少家企业？")
    held.keep(far, "zh-Hans", "哪里的外资企业最多？")
    seen = [cited("浙江大學為杭州培養了大量的人才。")]
    assert held.after("zh-Hant", index, seen, ["浙大？"]) == ["浙大校友創辦了多少家企業？", "哪裡的外資企業最多？"]
    assert held.after("zh-Hans", index, [cited(near), *seen], ["浙大？"]) == ["哪里的外资企业最多？"]
    assert held.after("zh-Hans", index, seen, ["浙大校友创办了多少家企业？"]) == ["哪里的外资企业最多？"]
    assert held.after("en", index, seen, ["浙大？"]) == []


def test_nothing_is_suggested_after_an_answer_without_citations(make_rag) -> None:
    rag = make_rag()
    assert rag.suggest("zh-Hant", [[]], ["你好"]) == []
    rag.answering()
    assert rag.suggest("zh-Hant", [[]], ["你好"]) == []


def test_the_first_suggestions_are_the_questions_written_for_the_sentences(corpus: Path, tmp_path: Path) -> None:
    sentences = split_document(Document("article.txt", ARTICLE))
    held = Suggestions(corpus, tmp_path / "questions.jsonl")
    assert held.first("zh-Hant", sentences) == []
    held.keep(SENTENCE, "zh-Hans", "深度求索总部设在哪里？")
    assert held.first("zh-Hant", sentences) == ["深度求索總部設在哪裡？"]


def test_the_examples_of_a_source_are_suggested_before_written_questions(corpus: Path, tmp_path: Path) -> None:
    (corpus / "article.examples.toml").write_text('[examples]\nzh-Hant = ["為什麼？"]\n', encoding="utf-8")
    held = Suggestions(corpus, tmp_path / "questions.jsonl")
    held.keep(SENTENCE, "zh-Hans", "深度求索总部设在哪里？")
    assert held.first("zh-Hant", split_document(Document("article.txt", ARTICLE))) == ["為什麼？"]


@pytest.mark.parametrize("damaged", ["examples = 3", "[examples]\nen = 5", '[examples]\nen = "Why?"'])
def test_an_invalid_file_of_examples_raises_an_error(corpus: Path, tmp_path: Path, damaged: str) -> None:
    (corpus / "article.examples.toml").write_text(damaged, encoding="utf-8")
    with pytest.raises(CorpusError, match=r"article\.examples\.toml cannot be read"):
        Suggestions(corpus, tmp_path / "questions.jsonl")


def test_questions_are_written_in_idle_time(make_rag, tmp_path: Path) -> None:
    generator = ScriptedGenerator([lambda prompt: QUESTION if asked(prompt) == to_simplified(SENTENCE) else DRAFT])
    rag = make_rag(generator, read_ahead=True).warm()
    wait_for(lambda: not rag._idle._thread.is_alive(), 20)
    rows = rows_of(tmp_path / "store" / "questions.jsonl")
    assert {"sentence": SENTENCE, "language": "zh-Hans", "question": QUESTION} in rows


def test_a_reader_interrupts_the_writing_of_a_question(make_rag) -> None:
    generator = ScriptedGenerator([DRAFT])
    make_rag(generator).translate()  # the idle work that comes first
    generator.prompts.clear()
    generator.started.clear()
    generator.hold = threading.Event()
    rag = make_rag(generator, read_ahead=True).warm()
    assert generator.started.wait(20)
    assert asked(generator.prompts[0]) == to_simplified(SENTENCE)  # for which a question is being written
    seconds = time.monotonic()
    events = rag.stream(FOUNDED, cancelled=lambda: time.monotonic() > seconds + 20)
    assert isinstance(next(events), Evidence)  # the reader has the turn
    assert generator.stopped
    generator.hold.set()
    assert list(events)[-1].answer.answerable


def test_the_shipped_questions_belong_to_sentences_of_the_shipped_article() -> None:
    sentences = {sentence.text for document in read_corpus(SHIPPED) for sentence in split_document(document)}
    rows = shipped_rows()
    assert rows
    assert [row["sentence"] for row in rows if row["sentence"] not in sentences] == []


def test_the_shipped_questions_are_in_chinese_and_english() -> None:
    assert {row["language"] for row in shipped_rows() if row["question"]} == {"zh-Hans", "en"}


def test_the_first_shipped_example_asks_why_deepseek_was_born_in_hangzhou(tmp_path: Path) -> None:
    held = Suggestions(SHIPPED, tmp_path / "questions.jsonl")
    assert held.first("zh-Hant", [])[0] == "為什麼 DeepSeek 誕生在杭州？"


@pytest.mark.parametrize("language", ["zh-Hant", "zh-Hans", "en"])
def test_the_shipped_examples_are_not_suggested_for_a_corpus_in_memory(tmp_path: Path, language: str) -> None:
    settings = Settings.load({}, store=tmp_path, read_ahead=False)
    shipped, own = (
        Rag(settings, FakeEmbedder(), ScriptedGenerator(), documents=documents)
        for documents in (None, [Document("lake", "西湖在杭州市中心，面積是6.5平方公里。")])
    )
    assert len(shipped.suggest(language)) > 0
    assert own.suggest(language) == []
