"""The evaluation: its variants and questions, and regressions from the stored baseline."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fakes import DRAFT, FOUNDED, ScriptedGenerator

from rag import evaluation
from rag.evaluation import CLAIMS, Figures, messages, questions, regressions, rows, summary, table
from rag.evaluation.measures import Question, Scores, contains_fact
from rag.evaluation.variants import CachingGenerator, Unfolded
from rag.pipeline import Rag
from rag.settings import Settings
from rag.text import fold

SIMPLIFIED, TRADITIONAL = "财政收入", "財政收入"


def test_without_folding_simplified_words_are_not_found_in_a_traditional_text(
    make_rag: Callable[..., Rag], chosen: Settings
) -> None:
    folded, embedder = make_rag().search_index()
    unfolded = Unfolded(chosen, embedder, ScriptedGenerator()).answering().index
    assert folded.lexical(folded.analyse(SIMPLIFIED), 9) == folded.lexical(folded.analyse(TRADITIONAL), 9) != []
    assert unfolded.lexical(unfolded.analyse(TRADITIONAL), 9) != []
    assert unfolded.lexical(["财政"], 9) == []
    assert unfolded.analyse("DeepSeek在NVIDIA") == ["DeepSeek", "在", "NVIDIA"]


def test_the_caching_generator_makes_one_draft_and_one_verdict_for_equal_prompts(make_rag: Callable[..., Rag]) -> None:
    scripted = ScriptedGenerator([DRAFT])
    remembering = CachingGenerator(scripted)
    texts = {make_rag(remembering).answer(FOUNDED).text for _ in range(3)}
    assert texts == {make_rag(ScriptedGenerator([DRAFT])).answer(FOUNDED).text}
    assert (len(scripted.prompts), len(scripted.chosen)) == (1, 1)


QUESTIONS = [
    Question("a", "test", "en", "fact", "Who?", True),
    Question("b", "test", "en", "fact", "When?", True),
    Question("c", "test", "zh-Hans", "not in text", "几岁？", False),
]


def test_no_question_contains_all_the_facts_that_it_asks_for() -> None:
    asked = [question for question in questions("all") if question.answerable and question.facts]
    assert [q.id for q in asked if all(contains_fact(q.question, wordings) for wordings in q.facts)] == []


@pytest.mark.parametrize("split", ["test", "unseen"])
def test_no_evaluated_question_occurs_in_a_prompt_or_among_the_messages_for_fitting(split: str) -> None:
    prompts = [path.read_text(encoding="utf-8").splitlines() for path in Settings.load({}).prompts.rglob("*.*")]
    lines = [fold(line) for prompt in prompts for line in prompt if len(line) >= 10]
    fitted = {fold(row["message"]) for row in messages("tune")}
    asked = [(question.id, fold(question.question)) for question in questions(split)]
    assert [name for name, text in asked if text in fitted or any(line in text for line in lines)] == []


def figures(right: float, declined: float, measure: str = "all facts right") -> Figures:
    """Return the figures of three questions: `right` is the score of the first two, `declined` that of the third."""
    told = [{measure: right, "false decline": 0.0, "declined rightly": None} for _ in range(2)]
    scores = [
        Scores(q, v) for q, v in zip(QUESTIONS, [*told, {"declined rightly": declined, "false decline": None}], strict=True)
    ]
    return {"split": "test", "questions": 3, "variants": {"as it is": summary(scores)}}


@pytest.fixture
def baseline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    path = tmp_path / "baseline.json"
    path.write_text(json.dumps(figures(0.8, 1.0)))
    monkeypatch.setattr(evaluation, "BASELINE", path)
    return path


@pytest.mark.usefixtures("baseline")
def test_figures_that_equal_or_exceed_the_baseline_are_no_regressions() -> None:
    assert regressions(figures(0.8, 1.0)) == []
    assert regressions(figures(0.9, 1.0)) == []


@pytest.mark.usefixtures("baseline")
def test_a_figure_below_the_baselines_interval_is_a_regression_overall_and_by_type_and_language() -> None:
    assert regressions(figures(0.7, 1.0)) == [
        f"{of}all facts right is 0.700; the baseline's interval is 0.800 to 0.800" for of in ("", "fact: ", "en: ")
    ]


@pytest.mark.usefixtures("baseline")
def test_a_missing_measure_is_a_regression() -> None:
    assert "all facts right was not measured" in regressions(figures(0.8, 1.0, measure="fact recall"))


@pytest.mark.usefixtures("baseline")
def test_figures_of_another_number_of_questions_are_not_compared_with_the_baseline() -> None:
    assert regressions({**figures(0.8, 1.0), "questions": 1}) == [
        "The number of questions is 3 (test) in the baseline and 1 (test) in this run; leave out --limit and use --split test."
    ]


def test_precision_recall_and_f1_of_declining_are_computed_over_all_questions() -> None:
    scores = [
        Scores(QUESTIONS[0], {"false decline": 1.0, "declined rightly": None}),
        Scores(QUESTIONS[1], {"false decline": 0.0, "declined rightly": None}),
        Scores(QUESTIONS[2], {"false decline": None, "declined rightly": 1.0}),
    ]
    assert summary(scores)["declining"] == {"precision": 0.5, "recall": 1.0, "f1": pytest.approx(2 / 3)}


def test_the_table_shows_a_measure_with_its_interval_and_number_of_questions() -> None:
    lines = table(figures(0.8, 1.0)).splitlines()
    assert lines[0] == "3 questions (test)"
    assert any(line.split() == ["all", "facts", "right", "0.800", "(0.80–0.80,", "n", "2)"] for line in lines)
    assert any(line.split() == ["declining,", "recall", "1.000"] for line in lines)


def test_labelled_claims_are_unique_and_belong_to_questions_for_fitting() -> None:
    fitted_to = {question.id for split in ("tune", "other", "premises") for question in questions(split)}
    labelled = [(row["question"], row["claim"]) for row in rows(CLAIMS)]
    assert {question for question, _ in labelled} <= fitted_to
    assert len(set(labelled)) == len(labelled) > 700
    assert {type(row[label]) for row in rows(CLAIMS) for label in ("said", "right")} == {bool}
