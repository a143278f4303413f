"""Test what the benchmark measures, how it compares pipelines, and how it runs them in other processes, without models."""

import io
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import pytest
from fakes import ARTICLE, FakeEmbedder, ScriptedGenerator

from rag.bench import compare, contestant, process, report, scale, worker
from rag.bench.contestant import QuestionCost, RebuildCost, SearchCost, Speed, edited, speed
from rag.bench.ours import Ahead, Ours
from rag.bench.process import Process
from rag.cli import main
from rag.documents import Document, split_document
from rag.errors import RagError
from rag.pipeline import Rag
from rag.settings import Settings

Maker = Callable[..., Rag]


@pytest.fixture
def ours(make_rag: Maker, chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> Ours:
    monkeypatch.setattr(contestant, "open_embedder", lambda settings: FakeEmbedder())
    return Ours(chosen, make_rag())


def test_the_chosen_questions_are_fixed_answerable_and_balanced_over_split_and_language() -> None:
    asked = compare.chosen(24)
    assert asked == compare.chosen(24)
    assert len({question.id for question in asked}) == 24
    assert all(question.answerable for question in asked)
    groups = [(question.split, question.language) for question in asked]
    assert {groups.count(group) for group in groups} == {4}
    assert len({question.type for question in asked}) >= 6


def test_the_times_of_a_question_increase_and_its_tokens_are_counted(ours: Ours) -> None:
    spent = ours.ask("深度求索成立於哪一年？", ())
    assert 0 < spent.evidence_s < spent.first_word_s <= spent.answer_s
    assert spent.prompt_tokens >= 100 and spent.read_tokens >= 60  # the draft's, plus the judge's if it is counted
    assert spent.written_tokens >= len("深度求索成立於2023年。")


def test_searches_are_timed_and_the_fresh_embedder_is_not_the_pipelines_own(ours: Ours) -> None:
    _, used = ours._rag.search_index()
    assert ours.fresh is not used
    searched = ours.search("深度求索成立於哪一年？")
    assert searched.embed_s > 0
    assert searched.search_s > 0


def test_rebuilds_embed_everything_then_nothing_then_only_what_an_edit_changed(ours: Ours) -> None:
    told = ours.rebuilds()
    assert {name: remade.embedded for name, remade in told.items()} == {"cold": 15, "unchanged": 0, "one sentence": 2}
    assert all(remade.seconds > 0 for remade in told.values())


def test_an_edit_removes_the_first_character_of_one_sentence() -> None:
    documents = [Document("a", ARTICLE), Document("b", "別的。")]
    changed = edited(documents)
    assert changed[1] == documents[1]
    before, after = ({s.text for s in split_document(document)} for document in (documents[0], changed[0]))
    assert len(before - after) == len(after - before) == 1
    assert (after - before).pop() == (before - after).pop()[1:]


def test_the_read_ahead_pipeline_has_read_all_likely_prompts_once_it_is_created(make_rag: Maker, chosen: Settings) -> None:
    generator = ScriptedGenerator()
    rag = make_rag(generator)
    Ahead(chosen, rag)
    assert len(generator.readings) == 1 + 2 * len(rag.search_index()[0].sentences)


def test_the_speed_of_an_engine_is_in_tokens_per_second(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 2.0, 2.5, 3.0, 3.5, 4.0])
    monkeypatch.setattr(contestant.time, "perf_counter", lambda: next(clock))
    pace = speed(ScriptedGenerator(drafts=["五個字的話"]), "甲")
    assert (pace.read, pace.written) == (60 / 2.0, 4 / 2.0)


def test_peak_memory_grows_by_the_size_of_an_allocation() -> None:
    code = "from rag.bench.contestant import peak_mib; a = peak_mib(); held = bytearray(1 << 27); print(peak_mib() - a)"
    grown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert float(grown) == pytest.approx(128, abs=16)


def served(make: Callable[[], object], *requests: dict[str, object]) -> list[dict[str, object]]:
    replies = io.StringIO()
    worker.serve(make, io.StringIO("".join(json.dumps(request) + "\n" for request in requests)), replies)  # type: ignore[arg-type]
    return [json.loads(line) for line in replies.getvalue().splitlines()]


def test_a_worker_reports_that_it_is_ready_and_replies_to_each_request_with_one_line(ours: Ours) -> None:
    ready, asked, unknown, peak = served(
        lambda: ours, {"do": "ask", "question": "深度求索成立於哪一年？", "history": []}, {"do": "dance"}, {"do": "peak"}
    )
    assert ready == {"ready": True}
    assert asked.keys() == {"evidence_s", "first_word_s", "answer_s", "prompt_tokens", "read_tokens", "written_tokens"}
    assert unknown == {"error": "The request 'dance' is unknown to the benchmark."}
    assert peak["mib"] > 1


def test_a_worker_reports_why_its_pipeline_cannot_start() -> None:
    def broken() -> object:
        raise RagError("The weights are missing.")

    assert served(broken) == [{"error": "The weights are missing."}]


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], Process]:
    """Return a factory of processes that run a few lines of Python instead of a pipeline."""

    python = sys.executable

    def start(program: str) -> Process:
        (tmp_path / "python").write_text(f"#!/bin/sh\nexec {python} -uc '{program}'\n")
        (tmp_path / "python").chmod(0o700)
        monkeypatch.setattr(process.sys, "executable", str(tmp_path / "python"))
        return Process("ours")

    return start


def test_requests_to_a_process_and_its_replies_are_lines_of_json(scripted: Callable[[str], Process]) -> None:
    with scripted('print("{}"); [print(line) for line in __import__("sys").stdin]') as running:
        assert running.start_s > 0
        assert running.ask("peak", more=1) == {"do": "peak", "more": 1}


def test_a_process_that_ends_or_reports_an_error_raises_an_error(scripted: Callable[[str], Process]) -> None:
    with pytest.raises(RagError, match=r"The pipeline 'ours' ended with exit code 3; its last output is above\."):
        scripted("raise SystemExit(3)")
    with pytest.raises(RagError, match=r"The pipeline 'ours' failed: No weights\."):
        scripted('print("{\\"error\\": \\"No weights.\\"}")')


def test_a_failed_import_raises_an_error_that_names_the_missing_module() -> None:
    assert process.import_s("import json") > 0
    with pytest.raises(RagError, match=r"'import nowhere' failed: ModuleNotFoundError: No module named 'nowhere'"):
        process.import_s("import nowhere")


@pytest.fixture
def samples() -> report.Samples:
    made = report.Samples(("ours", "plain"), ["a", "b", "c"], {"cores": 2})
    for own, plain in ((1.0, 4.0), (2.0, 6.0), (3.0, 20.0)):
        made.add_all("ours", {"first_word_s": own, "read_tokens": 100 * own}, "first")
        made.add_all("plain", {"first_word_s": plain, "read_tokens": 100 * plain}, "first")
    made.add("ours", "embedded unchanged", 0)
    made.add("plain", "embedded unchanged", 21)
    return made


def test_a_ratio_is_that_of_the_medians_and_is_within_its_interval(samples: report.Samples) -> None:
    ours = samples.figures()["figures"]["first_word_s first"]["ours"]
    assert (ours["p50"], ours["ratio"]) == (2.0, 3.0)
    assert ours["p95"] == pytest.approx(2.9)
    assert ours["low"] <= 3.0 <= ours["high"]
    assert ours["samples"] == [1.0, 2.0, 3.0]


def test_samples_of_the_same_question_are_resampled_together() -> None:
    own = np.linspace(1, 100, 30)
    assert report.ratio_interval(own, 3 * own) == pytest.approx((3.0, 3.0))
    low, high = report.ratio_interval(own, 3 * own[:29])
    assert low < 2.5 < 3.5 < high


def test_a_figure_whose_median_is_zero_has_no_ratio(samples: report.Samples) -> None:
    assert "ratio" not in samples.figures()["figures"]["embedded unchanged"]["ours"]


def test_the_table_shows_each_figure_once_with_its_unit(samples: report.Samples) -> None:
    head, _, *rows = report.table(samples.figures()).splitlines()
    assert head == "| p50, p95 | this project | plain pipeline | plain ÷ this project |"
    assert rows == [
        "| texts embedded, nothing changed | 0 | 21 |  |",
        "| first word, first asked (s) | 2, 2.9 | 6, 18.6 | 3 (3–6.7) |",
        "| prompt tokens read, first asked | 200, 290 | 600, 1,860 | 3 (3–6.7) |",
    ]


def test_the_plot_is_written_as_png(samples: report.Samples, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="needs the bench extra")
    report.plot(samples.figures(), tmp_path / "bench.png")
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def some(cost: type) -> dict[str, float]:
    """Return a cost of one of the benchmark's kinds, as a worker reports it."""
    return {field.name: 2.0 for field in fields(cost)}


@dataclass
class Compared:
    """The samples of a comparison of six questions and two starts, and the requests (pipeline, what) in order."""

    samples: report.Samples
    asked: list[tuple[str, str]]


@pytest.fixture
def compared(chosen: Settings, monkeypatch: pytest.MonkeyPatch) -> Compared:
    asked: list[tuple[str, str]] = []

    class Spoken(Process):
        def __init__(self, kind: str) -> None:
            self.kind, self.start_s = kind, 1.0

        def ask(self, do: str, **more: object) -> dict[str, object]:
            asked.append((self.kind, do))
            return {
                "ask": some(QuestionCost),
                "search": some(SearchCost),
                "speed": some(Speed),
                "peak": {"mib": 3000.0},
                "rebuilds": {name: some(RebuildCost) for name in ("cold", "unchanged", "one sentence")},
            }[do]

        def close(self) -> None: ...

    monkeypatch.setattr(compare, "Process", Spoken)
    monkeypatch.setattr(compare, "import_s", lambda statement: 0.1)
    return Compared(compare.compare(chosen, count=6, starts=2), asked)


def test_the_figures_shown_are_exactly_those_that_a_comparison_collects(compared: Compared) -> None:
    assert compared.samples.rows.keys() == {figure.name for figure in report.FIGURES}


def test_a_comparison_has_a_sample_for_each_question_and_each_start(compared: Compared) -> None:
    counts = {name: {kind: len(values) for kind, values in row.items()} for name, row in compared.samples.rows.items()}
    assert counts["first_word_s first"] == counts["first_word_s again"] == {"ours": 6, "ahead": 6, "plain": 6}
    assert counts["start"] == {"ours": 2, "plain": 2}
    assert counts["peak"] == {"ours": 1, "ahead": 1, "plain": 1}


def test_a_comparison_rotates_the_order_of_the_pipelines(compared: Compared) -> None:
    turns = [kind for kind, do in compared.asked if do == "ask"]
    assert turns[:9] == ["ours", "ahead", "plain", "ahead", "plain", "ours", "plain", "ours", "ahead"]


def test_the_command_prints_the_table_and_writes_figures_and_plot(
    samples: report.Samples, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib", reason="needs the bench extra")
    wanted: list[tuple[object, ...]] = []
    monkeypatch.setattr(compare, "compare", lambda settings, *rest: wanted.append(rest) or samples)
    output = tmp_path / "new" / "bench.json"
    assert main(["bench", "--questions", "6", "--starts", "1", "--pipelines", "ours", "plain", "--output", str(output)]) == 0
    assert wanted == [(6, 1, ["ours", "plain"])]
    assert capsys.readouterr().out.strip() == report.table(samples.figures())
    assert json.loads(output.read_text(encoding="utf-8")) == samples.figures()
    assert output.with_suffix(".png").exists()


def test_synthetic_vectors_have_unit_length_and_queries_are_near_some_of_them() -> None:
    vectors, asking = scale.made_vectors(2_000, 64, 20)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    scores = asking @ vectors.T
    assert np.median(scores.max(axis=1)) > np.median(scores) + 0.2
    np.testing.assert_array_equal(scale.exact(vectors, asking)[:, 0], scores.argmax(axis=1))


def test_scaling_is_measured_for_each_size_and_shown_as_a_table_and_a_plot(tmp_path: Path) -> None:
    told = scale.measure((300, 600), (32,))
    assert [(row["what"], row["count"], row["recall"]) for row in told["rows"]] == [
        *(("vectors of 32", 300, 1.0), ("BM25", 300, None), ("vectors of 32", 600, 1.0), ("BM25", 600, None)),
    ]
    assert all(row["bytes"] > 0 and row["p50_ms"] <= row["p95_ms"] for row in told["rows"])
    assert scale.table(told).count("\n") == 5
    pytest.importorskip("matplotlib", reason="needs the bench extra")
    scale.plot(told, tmp_path / "scale.png")
    assert (tmp_path / "scale.png").read_bytes().startswith(b"\x89PNG")


def test_a_large_vector_index_is_compressed_with_little_loss_of_recall(tmp_path: Path) -> None:
    row = scale.dense(25_000, 64, tmp_path)
    assert row["kind"] == "IndexRefine"
    assert row["recall"] >= 0.97
    assert row["bytes"] < 0.75 * 25_000 * 64 * 4
