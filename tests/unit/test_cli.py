"""Commands print their results, report errors in one sentence and exit with the documented codes."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from fakes import ARTICLE, ScriptedGenerator

import rag
from rag import weights
from rag.cli import main, run
from rag.errors import GenerationError
from rag.evaluation.tuning import Collected

QUESTION = "深度求索成立於哪一年？"


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch, make_rag) -> ScriptedGenerator:
    """Make commands open a chatbot with a scripted generator, and return this generator."""
    scripted = ScriptedGenerator()
    monkeypatch.setattr("rag.pipeline.Rag", lambda *arguments, **named: make_rag(scripted))
    monkeypatch.setattr("rag.batch.Rag", lambda *arguments, **named: make_rag(scripted))
    return scripted


def test_ask_prints_the_answer_and_its_quotes(generator: ScriptedGenerator, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ask", QUESTION]) == 0
    start = ARTICLE.index("深度求索成立於")
    assert capsys.readouterr().out == (
        f"深度求索成立於2023年。[1]\n\n[1] article.txt:{start}-{start + 25}\n    深度求索成立於2023年7月17日，總部設在杭州。\n"
    )
    assert generator.closed


def test_ask_json_prints_only_one_json_object_to_standard_output(
    generator: ScriptedGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--json", QUESTION]) == 0
    value = json.loads(capsys.readouterr().out)
    assert value["answerable"] is True
    assert all(ARTICLE[c["start"] : c["end"]] == c["quote"] for c in value["citations"])


def test_ask_json_gives_the_fields_of_citations_passages_and_timings(
    generator: ScriptedGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["ask", "--json", QUESTION]) == 0
    value = json.loads(capsys.readouterr().out)
    assert set(value["citations"][0]) == {"marker", "quote", "source", "start", "end", "sentence", "support"}
    assert set(value["passages"][0]) == {"text", "source", "start", "end", "score"}
    assert set(value["timings"]) >= {"retrieve_s", "first_token_s", "total_s", "prompt_tokens", "completion_tokens"}


def test_an_empty_question_exits_with_1_before_a_chatbot_is_opened(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.pipeline.Rag", lambda *arguments: pytest.fail("a chatbot was opened"))
    assert main(["ask", "   "]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "rag: The question is empty; write what you want to know.\n")


def test_declining_a_question_exits_with_0(generator: ScriptedGenerator, capsys: pytest.CaptureFixture[str]) -> None:
    generator.chances = lambda prompt: 0.0
    assert main(["ask", "--json", QUESTION]) == 0
    value = json.loads(capsys.readouterr().out)
    assert (value["answerable"], value["reason"]) == (False, "not in the text")


def test_an_engine_failure_exits_with_1_and_prints_only_to_standard_error(
    generator: ScriptedGenerator, capsys: pytest.CaptureFixture[str]
) -> None:
    generator.drafts = [GenerationError("The engine failed: no memory.")]
    assert main(["ask", "--json", QUESTION]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == "rag: The engine failed: no memory."
    assert generator.closed


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["unheard-of"],
        ["ask"],
        ["ask", "a", "b"],
        ["ask", "a", "--loud"],
        ["batch", "in.jsonl"],
        ["eval", "--limit", "0"],
        ["eval", "--limit", "many"],
        ["eval", "--split", "half"],
        ["weights", "steal"],
    ],
)
def test_wrong_usage_exits_with_2_and_prints_only_to_standard_error(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("usage: rag")


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    said = capsys.readouterr().out
    commands = ["ask", "batch", "eval", "weights", "tune", "translate", "bench", "doctor", "feedback"]
    assert re.findall(r"^    ([a-z]+)\b", said, re.MULTILINE) == commands


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("RAG_ENGINE", "magic", "rag: engine='magic' is not valid; use one of auto, int8, llama_cpp, transformers, openai."),
        ("RAG_THREADS", "x", "rag: RAG_THREADS='x' is not an integer."),
    ],
)
def test_an_invalid_setting_exits_with_1(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], variable: str, value: str, said: str
) -> None:
    monkeypatch.setenv(variable, value)
    assert main(["ask", QUESTION]) == 1
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", said + "\n")


def test_batch_writes_the_results_and_prints_the_number_of_answers_to_standard_error(
    generator: ScriptedGenerator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text(json.dumps({"id": 1, "question": QUESTION}), encoding="utf-8")
    assert main(["batch", str(source), str(target)]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines()[-1] == f"1 questions answered; see {target}."
    assert json.loads(target.read_text(encoding="utf-8"))["id"] == 1


def test_batch_with_a_missing_questions_file_exits_with_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["batch", str(tmp_path / "gone"), str(tmp_path / "out")]) == 1
    assert capsys.readouterr().err.startswith(f"rag: The questions file {tmp_path / 'gone'} cannot be read: ")


@pytest.fixture
def no_weights(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RAG_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("RAG_OFFLINE", "1")


@pytest.mark.usefixtures("no_weights")
def test_weights_lists_every_known_model_and_whether_it_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [(line.split()[0], line.split()[-1]) for line in listed] == [(name, "missing") for name in weights.models()]


@pytest.mark.usefixtures("no_weights")
def test_weights_verify_names_missing_files_and_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "verify", "qwen2.5-coder-1.5b"]) == 1
    assert capsys.readouterr().out.startswith("missing  qwen2.5-coder-1.5b/")


@pytest.mark.usefixtures("no_weights")
def test_fetching_weights_when_offline_exits_with_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["weights", "fetch", "qwen2.5-coder-1.5b"]) == 1
    assert "RAG_OFFLINE is set" in capsys.readouterr().err


@pytest.mark.usefixtures("no_weights")
@pytest.mark.parametrize("action", ["verify", "fetch"])
def test_an_unknown_model_exits_with_1_and_the_known_ones_are_printed(capsys: pytest.CaptureFixture[str], action: str) -> None:
    assert main(["weights", action, "gpt-9"]) == 1
    assert capsys.readouterr().err.startswith("rag: 'gpt-9' is not a known model; use one of embeddinggemma-300m, ")


def test_doctor_exits_with_1_if_it_finds_a_problem(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_ENGINE", "llama_cpp")
    for name in ("WEIGHTS", "STORE", "CORPUS"):
        monkeypatch.setenv(f"RAG_{name}", str(tmp_path / name))
    assert main(["doctor"]) == 1
    lines = capsys.readouterr().out.splitlines()
    gone = tmp_path / "CORPUS"
    assert f"FIX  corpus: The corpus {gone} does not exist; put a UTF-8 text file there, or set RAG_CORPUS." in lines
    assert any(line.startswith("ok   prompts: ") for line in lines)


def test_eval_prints_its_figures_even_if_the_output_file_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("rag.evaluation.evaluate", lambda *arguments: {"seconds": 1})
    assert main(["eval", "--json", "--output", str(tmp_path)]) == 1
    printed = capsys.readouterr()
    assert json.loads(printed.out) == {"seconds": 1}
    assert printed.err == f"rag: The figures cannot be written to {tmp_path} (Is a directory).\n"


@pytest.mark.parametrize(
    "arguments",
    [
        ["--squad", "questions.json"],
        ["--limit", "3"],
        *(["--split", split] for split in ("tune", "all", "other", "unseen")),
        ["--squad", "questions.json", "--limit", "3", "--split", "tune"],
    ],
    ids=" ".join,
)
def test_eval_check_accepts_only_the_whole_test_split(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    for work in ("rag.evaluation.evaluate", "rag.evaluation.squad.squad", "rag.pipeline.Rag.warm"):
        monkeypatch.setattr(work, lambda *arguments, work=work: pytest.fail(f"{work} was called"))
    assert main(["eval", "--check", *arguments]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert (
        printed.err == "rag: The baseline is for all test questions; use --check without --squad, --limit or another --split.\n"
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["eval", "--squad", "q.json", "--split", "test"], "--ablations and --split are for the project's own questions; "),
        (["weights", "list", "gpt-9"], "weights list shows every model; give names only to fetch or verify."),
        (["tune", "--probes", "/nowhere/p.npz"], "/nowhere/p.npz cannot be written (No such file or directory); "),
    ],
)
def test_options_without_effect_and_unwritable_output_paths_are_rejected_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], told: str
) -> None:
    for work in ("rag.evaluation.squad.squad", "rag.evaluation.tuning.collect"):
        monkeypatch.setattr(work, lambda *arguments, work=work: pytest.fail(f"{work} was called"))
    assert main(arguments) == 1
    assert capsys.readouterr().err.startswith(f"rag: {told}")


@pytest.mark.parametrize("arguments", [[], ["--split", "test"]], ids=" ".join)
def test_eval_check_compares_the_test_split_with_the_baseline(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    monkeypatch.setattr("rag.evaluation.evaluate", lambda settings, split, *others: {"split": split})
    monkeypatch.setattr("rag.evaluation.regressions", lambda figures: [f"{figures['split']} fell"])
    assert main(["eval", "--json", "--check", *arguments]) == 1
    assert capsys.readouterr().err == "rag: test fell\n"


@pytest.mark.parametrize(
    ("environ", "fetched"),
    [
        ({}, ["embeddinggemma-300m", "qwen2.5-coder-1.5b"]),
        ({"RAG_GENERATOR": "qwen2.5-coder-0.5b"}, ["embeddinggemma-300m", "qwen2.5-coder-0.5b"]),
        ({"RAG_GENERATOR": "/models/own.gguf"}, ["embeddinggemma-300m"]),
        ({"RAG_BASE_URL": "http://127.0.0.1:9/v1"}, ["embeddinggemma-300m"]),
        ({"RAG_BASE_URL": "http://127.0.0.1:9/v1", "RAG_ENGINE": "openai"}, ["embeddinggemma-300m"]),
        ({"RAG_BASE_URL": "http://127.0.0.1:9/v1", "RAG_ENGINE": "llama_cpp"}, ["embeddinggemma-300m", "qwen2.5-coder-1.5b"]),
    ],
    ids=["as shipped", "another known one", "a path of the user's own", "a server", "openai", "not the server"],
)
def test_weights_fetch_without_names_fetches_the_models_that_the_settings_need(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], fetched: list[str]
) -> None:
    for variable in ("RAG_GENERATOR", "RAG_EMBEDDER", "RAG_BASE_URL", "RAG_ENGINE"):
        monkeypatch.delenv(variable, raising=False)
    for variable, value in environ.items():
        monkeypatch.setenv(variable, value)
    asked: list[str] = []
    monkeypatch.setattr("rag.weights.fetch", lambda name, settings: asked.append(name))
    assert main(["weights", "fetch"]) == 0
    assert asked == fetched


def in_shell(command: str) -> tuple[int, str]:
    """Run a shell pipeline, and return the exit code of its first command and what was printed to standard error."""
    done = subprocess.run(
        ["bash", "-c", f'{command}; exit "${{PIPESTATUS[0]}}"'],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(rag.__file__).parents[1],
    )
    return done.returncode, done.stderr


@pytest.mark.parametrize("much", ["1", "'x' * 1_000_000", "1, flush=True"], ids=["at the end", "in the midst", "at once"])
def test_a_closed_output_pipe_exits_with_1_and_prints_no_error(much: str) -> None:
    work = f"import sys, time; from rag.cli import run; sys.exit(run(lambda: time.sleep(0.1) or print({much}) or 0))"
    assert in_shell(f'{sys.executable} -c "{work}" | true') == (1, "")


@pytest.mark.parametrize("much", ["1", "'x' * 1_000_000", "1, flush=True"], ids=["at the end", "in the midst", "at once"])
def test_a_full_output_disk_exits_with_1_and_prints_one_sentence(much: str) -> None:
    work = f"import sys; from rag.cli import run; sys.exit(run(lambda: print({much}) or 0))"
    said = "rag: The output cannot be written: No space left on device; free space there, or send it elsewhere.\n"
    assert in_shell(f'{sys.executable} -c "{work}" > /dev/full') == (1, said)


def test_control_characters_in_a_path_are_escaped_in_error_messages(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_CORPUS", "/gone/\x1b[2J\n杭州\u202e")
    assert main(["ask", QUESTION]) == 1
    said = capsys.readouterr().err
    assert said.startswith("rag: The corpus /gone/\\x1b[2J\\n杭州\\u202e does not exist; ") and said.count("\n") == 1


def test_an_interrupted_command_exits_with_130() -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    assert run(interrupted) == 130


def test_unexpected_exceptions_are_not_caught() -> None:
    def broken() -> int:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run(broken)

    def without_a_file() -> int:
        raise FileNotFoundError("gone")

    with pytest.raises(FileNotFoundError):
        run(without_a_file)


def test_the_gate_is_fitted_for_a_generator_that_weights_toml_does_not_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("RAG_GENERATOR", "/models/own.gguf")
    monkeypatch.setattr("rag.evaluation.tuning.collect", lambda settings, others: (Collected([], []), "the follow-up model"))
    monkeypatch.setattr("rag.evaluation.tuning.fit_gate", lambda asked: "the gate")
    assert main(["tune"]) == 0
    assert capsys.readouterr().out == "the gate\n\nthe follow-up model\n"
