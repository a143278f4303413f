"""The documentation shows the stored figures and names only files that exist."""

import json
import re
from pathlib import Path
from typing import Any

from rag.bench import report, scale
from rag.evaluation import BASELINE

ROOT = Path(__file__).resolve().parents[2]
MEASUREMENTS = (ROOT / "docs" / "measurements.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
ROW = re.compile(r"^\| (.*?) \| ([\d.]+) \(([\d.]+)–([\d.]+)\) \|", re.MULTILINE)
BOTH = re.compile(r"^\| (.*?) \| ([\d.]+ \([\d.]+–[\d.]+\)) \| ([\d.]+ \([\d.]+–[\d.]+\)) \|$", re.MULTILINE)
"""A row with the figures for the article and for the new texts."""
SHOWN = {
    "evidence recall": "evidence among the passages found",
    "fact recall": "required facts in the answer",
    "all facts right": "all facts right and nothing wrong",
    "declined rightly": "unanswerable questions declined",
    "false decline": "answerable questions declined",
    "evidence cited": "labelled evidence cited",
    "citation precision": "citations that support their sentence",
    "foreign numbers": "answers with a number or name that is not in what they cite",
    "language right": "language and script right",
}
"""The label in the README of each measure that it shows."""


def stored(name: str) -> dict[str, Any]:
    figures: dict[str, Any] = json.loads((ROOT / "docs" / name).read_text(encoding="utf-8"))
    return figures


def test_the_speed_table_shows_the_stored_benchmark() -> None:
    assert report.table(stored("bench.json")) in MEASUREMENTS


def test_the_scale_table_shows_the_stored_measurement() -> None:
    assert scale.table(stored("scale.json")) in MEASUREMENTS


def test_the_figures_for_the_article_are_those_of_the_stored_baseline() -> None:
    baseline = json.loads(BASELINE.read_text(encoding="utf-8"))["variants"]["as it is"]["all"]
    shown = {label.split("`")[1]: values for label, *values in ROW.findall(MEASUREMENTS) if label.startswith("`")}
    stored_digits = {"characters": "{mean:.0f} {low:.0f} {high:.0f}"}
    for measure, values in shown.items():
        form = stored_digits.get(measure, "{mean:.3f} {low:.2f} {high:.2f}")
        assert " ".join(values) == form.format(**baseline[measure]), measure
    assert len(shown) == 13


def test_the_readme_shows_for_each_measure_the_figures_of_the_measurements() -> None:
    measured = {label.split("`")[1]: figures for label, *figures in BOTH.findall(MEASUREMENTS) if label.startswith("`")}
    shown = {label: figures for label, *figures in BOTH.findall(README)}
    assert shown == {label: measured[measure] for measure, label in SHOWN.items()}
    assert measured["foreign names"] == measured["foreign numbers"]  # one row of the README shows both


def test_every_file_that_the_readme_names_exists() -> None:
    names = set(re.findall(r"`((?:rag|tests|prompts|docs)/[\w./]+|[\w/]+\.py)`", README))
    tests = (folder for folder in (ROOT / "tests").iterdir() if folder.is_dir())
    folders = (ROOT, ROOT / "rag", ROOT / "rag" / "grounding", ROOT / "tests", *tests)
    assert len(names) > 40
    assert [name for name in sorted(names) if not any((folder / name).exists() for folder in folders)] == []
