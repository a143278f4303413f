"""Parse the command line and print results; the work is done by the modules it calls.

Exit codes: 0 for success; 1 for a RagError or an output that cannot be written, each reported in one sentence on standard
error, and where `batch`, `eval --check`, `weights verify` or `doctor` finds something wrong; 2 for wrong usage; 130 when
interrupted.
"""

from __future__ import annotations

import argparse
import errno
import json
import os
import sys
from collections.abc import Callable, Sequence
from io import TextIOWrapper
from pathlib import Path
from typing import Any

from rag.bench import KINDS
from rag.errors import RagError, SettingsError
from rag.settings import Settings, cache_folder

_Commands = Any
"""The subparsers of argparse, whose class is private."""
_UNWRITABLE = (errno.EPIPE, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
"""Errors of writing to an output: its reader has closed it, or its disk is full or defective."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code."""
    options = _parser().parse_args(arguments)
    return run(lambda: options.run(options))


def run(work: Callable[[], int]) -> int:
    """Return the exit code of `work`, or the one for its failure."""
    if isinstance(sys.stdout, TextIOWrapper):  # unencodable characters are escaped, not an error
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _code(work)
        print(end="", flush=True)
        return code
    except OSError as error:
        if error.errno not in _UNWRITABLE:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python would flush again at exit
        if not isinstance(error, BrokenPipeError):
            _tell(f"The output cannot be written: {error.strerror}; free space there, or send it elsewhere.")
        return 1


def _code(work: Callable[[], int]) -> int:
    try:
        return work()
    except RagError as error:
        _tell(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="rag", description="Ask questions about a text; the answers cite its sentences.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for add in (
        _add_ask,
        _add_batch,
        _add_eval,
        _add_weights,
        _add_tune,
        _add_translate,
        _add_bench,
        _add_doctor,
        _add_feedback,
    ):
        add(commands)
    return parser


def _positive(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, not {text!r}")
    return number


def _tell(line: str) -> None:
    """Print one line to standard error, with unprintable characters escaped: a file name could control the terminal."""
    shown = "".join(letter if letter.isprintable() else letter.encode("unicode_escape").decode() for letter in line)
    print(f"rag: {shown}", file=sys.stderr, flush=True)


def _print_json(value: object) -> None:
    print(json.dumps(value, ensure_ascii=False, indent=1))


def _add_ask(commands: _Commands) -> None:
    command = commands.add_parser(
        "ask",
        help="answer one question",
        description="Answer one question, in its own language and script, and print the sentences of the text that support it.",
    )
    command.add_argument("question", metavar="QUESTION")
    command.add_argument("--json", action="store_true", help="print the answer as one JSON object")
    command.set_defaults(run=_ask)


def _ask(options: argparse.Namespace) -> int:
    from rag.pipeline import Rag
    from rag.question import checked_question

    checked_question(options.question, ())
    rag = Rag(Settings.load(read_ahead=False))
    try:
        answer = rag.warm().answer(options.question)
    finally:
        rag.close()
    if options.json:
        _print_json(answer.to_dict())
        return 0
    print(answer.text)
    for marker, citation in sorted({c.marker: c for c in answer.citations}.items()):
        print(f"\n[{marker}] {citation.source}:{citation.start}-{citation.end}\n    {citation.quote}")
    return 0


def _add_batch(commands: _Commands) -> None:
    command = commands.add_parser(
        "batch",
        help="answer the questions of a JSON-lines file",
        description="Answer many questions. Each answer is appended to OUT as soon as it is complete, and a question whose id "
        "is already in OUT is skipped, so an interrupted run continues when it is started again. Invalid lines are reported "
        "and skipped; the exit code is then 1.",
    )
    command.add_argument("input", type=Path, metavar="IN.jsonl", help='lines of {"id", "question", "history"?}')
    command.add_argument(
        "output", type=Path, metavar="OUT.jsonl", help="answers are appended to it; refused if it contains anything else"
    )
    command.set_defaults(run=_batch)


def _batch(options: argparse.Namespace) -> int:
    from rag.batch import answer_file

    done = answer_file(options.input, options.output, Settings.load(read_ahead=False), tell=_tell)
    left = f", {done.failed} left without an answer" if done.failed else ""
    print(f"{done.answered} questions answered{left}; see {options.output}.", file=sys.stderr)
    return 1 if done.failed else 0


def _add_eval(commands: _Commands) -> None:
    command = commands.add_parser(
        "eval", help="measure retrieval and answers", description="Measure on the project's own questions, or on a SQuAD file."
    )
    command.add_argument(
        "--squad", type=Path, metavar="FILE", help="use a SQuAD-format file instead of the project's own questions"
    )
    command.add_argument(
        "--questions", type=Path, metavar="FILE", help="take the wording of the questions from this parallel SQuAD-format file"
    )
    command.add_argument("--limit", type=_positive, metavar="N", help="sample N questions")
    command.add_argument("--seed", type=int, default=0, metavar="S", help="random seed of the samples; 0 by default")
    command.add_argument("--answers", type=_positive, metavar="M", default=0, help="also answer M sampled questions")
    command.add_argument("--json", action="store_true", help="print only JSON")
    command.add_argument(
        "--split", choices=("tune", "test", "all", "other", "premises", "unseen"), help="which questions; test by default"
    )
    command.add_argument("--ablations", action="store_true", help="also measure with stages turned off, and the plain pipeline")
    command.add_argument(
        "--check", action="store_true", help="exit with 1 if a measure is worse than the stored baseline's interval"
    )
    command.add_argument("--output", type=Path, metavar="FILE", help="also write the figures to this JSON file")
    command.set_defaults(run=_eval)


def _eval(options: argparse.Namespace) -> int:
    from rag import evaluation
    from rag.evaluation import squad

    settings = Settings.load(read_ahead=False)
    split = options.split or evaluation.BASELINE_SPLIT
    if options.check and (options.squad or options.limit or split != evaluation.BASELINE_SPLIT):
        raise SettingsError(
            f"The baseline is for all {evaluation.BASELINE_SPLIT} questions; use --check without --squad, --limit or another "
            "--split."
        )
    if options.squad and (options.ablations or options.split):
        raise SettingsError("--ablations and --split are for the project's own questions; leave out either these or --squad.")
    if not options.squad and (options.questions or options.answers):
        raise SettingsError("--questions and --answers are for a SQuAD-format file; name one with --squad.")
    if options.squad:
        figures = squad.squad(settings, options.squad, options.questions, options.limit, options.seed, options.answers)
    else:
        figures = evaluation.evaluate(settings, split, options.limit, options.seed, options.ablations)
    if options.json:
        _print_json(figures)
    else:
        print(evaluation.table(figures), flush=True)
    if options.output:
        _write(options.output, figures)
    if options.check:
        regressions = evaluation.regressions(figures)
        for line in regressions:
            _tell(line)
        return 1 if regressions else 0
    return 0


def _write(path: Path, figures: object) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(figures, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise RagError(f"The figures cannot be written to {path} ({error.strerror}).") from error


def _add_weights(commands: _Commands) -> None:
    command = commands.add_parser(
        "weights",
        help="list, fetch or verify the model files",
        description="List the model files, fetch those that are missing, or verify the hash of every file.",
    )
    command.add_argument("action", nargs="?", choices=("list", "fetch", "verify"), default="list", help="list by default")
    command.add_argument("names", nargs="*", metavar="NAME", help="models; by default those that the settings need")
    command.set_defaults(run=_weights)


def _weights(options: argparse.Namespace) -> int:
    from rag import models, weights

    settings = Settings.load()
    if options.action == "list" and options.names:
        raise SettingsError("weights list shows every model; give names only to fetch or verify.")
    if options.action == "list":
        for line in weights.listing(settings):
            print(line)
        return 0
    names = options.names or models.needed(settings)
    if options.action == "fetch":
        for name in names:
            print(weights.fetch(name, settings))
        return 0
    states = [(name, state) for name in names for state in weights.inspect(name, settings, full=True)]
    for name, state in states:
        print(f"{state.state:8} {name}/{state.file.path}")
    return 1 if any(state.state != "ok" for _, state in states) else 0


def _add_tune(commands: _Commands) -> None:
    command = commands.add_parser(
        "tune", help="fit the gate and the follow-up model, or a probe or the intent model; print curves"
    )
    command.add_argument(
        "--others",
        type=_positive,
        metavar="N",
        help="use only the first N questions on other texts; all of them take two hours",
    )
    fitted = command.add_mutually_exclusive_group()
    fitted.add_argument(
        "--probes", type=Path, metavar="FILE", help="also fit probes of the engine's hidden states, and save them to this file"
    )
    fitted.add_argument(
        "--intents",
        type=Path,
        metavar="FILE",
        help="fit only the intent model (questions, small talk, instructions), and save it to this file",
    )
    fitted.add_argument(
        "--claims",
        type=Path,
        metavar="FILE",
        help="fit only the probe that predicts whether a claim is right, and save it to this file",
    )
    command.set_defaults(run=_tune)


def _tune(options: argparse.Namespace) -> int:
    from rag.evaluation import claims as evaluation_claims
    from rag.evaluation import tuning
    from rag.grounding.probe import fitted_to
    from rag.models import open_embedder
    from rag.templates import Templates

    settings = Settings.load(read_ahead=False)
    for path in filter(None, (options.intents, options.claims, options.probes)):
        _check_writable(path)
    if options.intents:
        intents, curves = tuning.fit_intents(open_embedder(settings))
        intents.save(options.intents)
        print(curves)
        return 0
    needs_states = options.claims or options.probes
    fits = fitted_to(settings.generator, Templates(settings.prompts)) if needs_states else ""
    if options.claims:
        claims, curves = evaluation_claims.fit(evaluation_claims.collect(settings), fits)
        claims.save(options.claims)
        print(curves)
        return 0
    collected, leaning = tuning.collect(settings, options.others)
    print(tuning.fit_gate(collected.asked), leaning, sep="\n\n")
    if options.probes:
        probes, curves = tuning.fit_probes(collected, fits)
        probes.save(options.probes)
        print(f"\n{curves}")
    return 0


def _check_writable(path: Path) -> None:
    """Raise RagError if a file cannot be written, before hours are spent on computing its content."""
    try:
        path.open("ab").close()
    except OSError as error:
        raise RagError(f"{path} cannot be written ({error.strerror}); name another file.") from error


def _add_translate(commands: _Commands) -> None:
    command = commands.add_parser(
        "translate",
        help="translate the sentences of a Chinese text into English, for English questions",
        description="Translate the sentences that have no English translation yet, as the page does in idle time: answers in "
        "English are then better and faster. An interrupted run continues when it is started again.",
    )
    command.set_defaults(run=_translate)


def _translate(options: argparse.Namespace) -> int:
    from rag.pipeline import Rag
    from rag.progress import bar

    rag = Rag(Settings.load(read_ahead=False))
    try:
        number = rag.warm().translate(bar("translation", "sentence"))
    finally:
        rag.close()
    print(f"{number} sentences lacked an English translation; the translations are now stored with the index.", file=sys.stderr)
    return 0


def _add_bench(commands: _Commands) -> None:
    command = commands.add_parser("bench", help="compare speed and memory with the plain pipeline (needs the bench extra)")
    command.add_argument("--questions", type=_positive, metavar="N", default=24, help="ask N of the project's own questions")
    command.add_argument("--starts", type=_positive, metavar="N", default=3, help="start each pipeline N times")
    command.add_argument("--pipelines", nargs="+", choices=KINDS, default=KINDS, help="measure only these")
    command.add_argument(
        "--scale", action="store_true", help="instead, measure how indexing and searching scale with the size of the corpus"
    )
    command.add_argument(
        "--output", type=Path, metavar="FILE", help="write the figures to this JSON file, and a plot next to it"
    )
    command.set_defaults(run=_bench)


def _bench(options: argparse.Namespace) -> int:
    from rag.bench import compare, report, scale

    if options.scale:
        figures, table, plot = scale.measure(), scale.table, scale.plot
    else:
        figures = compare.compare(Settings.load(), options.questions, options.starts, options.pipelines).figures()
        table, plot = report.table, report.plot
    output = options.output or cache_folder() / ("scale.json" if options.scale else "bench.json")
    print(table(figures), flush=True)
    _write(output, figures)
    plot(figures, output.with_suffix(".png"))
    print(f"See {output} and {output.with_suffix('.png').name}.", file=sys.stderr)
    return 0


def _add_doctor(commands: _Commands) -> None:
    command = commands.add_parser("doctor", help="check weights, corpus, prompts, index, engine, port and disk")
    command.set_defaults(run=_doctor)


def _doctor(options: argparse.Namespace) -> int:
    from rag.doctor import examine

    well = True
    for finding in examine(Settings.load()):
        print(finding.line(), flush=True)
        well = well and finding.well
    return 0 if well else 1


def _add_feedback(commands: _Commands) -> None:
    command = commands.add_parser("feedback", help="print the readers' feedback as evaluation rows")
    command.set_defaults(run=_feedback)


def _feedback(options: argparse.Namespace) -> int:
    from rag.ui.feedback import export

    path = cache_folder() / "feedback.jsonl"
    try:
        rows = list(export(path))
    except OSError as error:
        raise RagError(f"The feedback file {path} cannot be read ({error.strerror}).") from error
    for row in rows:
        print(json.dumps(row, ensure_ascii=False))
    return 0
