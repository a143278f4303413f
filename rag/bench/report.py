"""Collect the samples of a comparison, and present them as a table, a JSON value and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

Rows = Sequence[float]


@dataclass(frozen=True)
class Figure:
    """A figure that is measured: its name in the samples, its label for people, and its unit."""

    name: str
    label: str
    unit: str


FIGURES = (
    Figure("import", "import of the package", "s"),
    Figure("import names", "import of the answering code", "s"),
    Figure("start", "process start to ready", "s"),
    Figure("read ahead", "process start to prompts read ahead", "s"),
    *(
        figure
        for kind, label in (("cold", "cold"), ("unchanged", "nothing changed"), ("one sentence", "one sentence changed"))
        for figure in (
            Figure(f"rebuild {kind}", f"rebuild, {label}", "s"),
            Figure(f"embedded {kind}", f"texts embedded, {label}", ""),
        )
    ),
    Figure("embed_s", "query embedding", "s"),
    Figure("search_s", "search", "s"),
    *(
        Figure(f"{name} {again}", f"{label}, {told}", unit)
        for again, told in (("first", "first asked"), ("again", "asked again"))
        for name, label, unit in (
            ("evidence_s", "evidence shown", "s"),
            ("first_word_s", "first word", "s"),
            ("answer_s", "whole answer", "s"),
            ("prompt_tokens", "prompt tokens", ""),
            ("read_tokens", "prompt tokens read", ""),
            ("written_tokens", "answer tokens", ""),
        )
    ),
    Figure("pace_read", "prompt reading, higher is better", "tokens/s"),
    Figure("pace_written", "generation, higher is better", "tokens/s"),
    Figure("peak", "peak memory", "MiB"),
)
LABELS = {"ours": "this project", "ahead": "this project, read ahead", "plain": "plain pipeline"}


@dataclass
class Samples:
    """Collect samples by figure and pipeline; those of one figure are in the order of the questions."""

    kinds: Sequence[str]
    questions: Sequence[str]
    machine: Mapping[str, Any]
    rows: dict[str, dict[str, list[float]]] = field(default_factory=dict)

    def add(self, kind: str, figure: str, value: float) -> None:
        """Add one sample."""
        self.rows.setdefault(figure, {}).setdefault(kind, []).append(float(value))

    def add_all(self, kind: str, values: Mapping[str, float], when: str = "") -> None:
        """Add one sample of each of several figures."""
        for name, value in values.items():
            self.add(kind, f"{name} {when}".strip(), value)

    def figures(self) -> dict[str, Any]:
        """Return all samples as plain JSON values, with p50, p95 and the ratio of the plain pipeline to each other one."""
        told: dict[str, Any] = {}
        for figure in FIGURES:
            rows = self.rows.get(figure.name, {})
            if rows:
                told[figure.name] = {"label": figure.label, "unit": figure.unit}
                told[figure.name] |= {kind: _summary(rows[kind], rows.get("plain")) for kind in self.kinds if kind in rows}
        return {"machine": dict(self.machine), "questions": list(self.questions), "figures": told}


def _summary(own: Rows, plain: Rows | None) -> dict[str, Any]:
    told: dict[str, Any] = {"p50": float(np.median(own)), "p95": float(np.percentile(own, 95)), "samples": list(own)}
    if plain is not None and plain is not own and told["p50"] > 0:
        told["ratio"], (told["low"], told["high"]) = float(np.median(plain)) / told["p50"], ratio_interval(own, plain)
    return told


def ratio_interval(own: Rows, plain: Rows, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % bootstrap interval of the ratio of medians, plain to own (percentile method, 2,000 resamples).

    If both have the same number of samples, the two of the same question are resampled together.
    """
    random = np.random.default_rng(seed)
    drawn = random.integers(0, len(own), size=(2_000, len(own)))
    against = drawn if len(plain) == len(own) else random.integers(0, len(plain), size=(2_000, len(plain)))
    with np.errstate(divide="ignore"):
        ratios = np.median(np.asarray(plain)[against], axis=1) / np.median(np.asarray(own)[drawn], axis=1)
    low, high = np.percentile(ratios, [2.5, 97.5])
    return float(low), float(high)


def table(told: Mapping[str, Any]) -> str:
    """Return the figures as a Markdown table: p50 and p95 of each pipeline, and the plain pipeline's ratio to the others."""
    kinds = [kind for kind in LABELS if any(kind in figure for figure in told["figures"].values())]
    others = [kind for kind in kinds if kind != "plain"] if "plain" in kinds else []
    heads = ["p50, p95", *(LABELS[kind] for kind in kinds), *(f"plain ÷ {LABELS[kind]}" for kind in others)]
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for figure in told["figures"].values():
        cells = [f"{figure['label']} {'(' + figure['unit'] + ')' if figure['unit'] else ''}".strip()]
        cells += [_pair(figure.get(kind)) for kind in kinds]
        cells += [_ratio(figure.get(kind, {})) for kind in others]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _pair(summary: Mapping[str, Any] | None) -> str:
    if summary is None:
        return ""
    if len(summary["samples"]) == 1:
        return _short(summary["p50"])
    return f"{_short(summary['p50'])}, {_short(summary['p95'])}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"


def _ratio(summary: Mapping[str, Any]) -> str:
    if "ratio" not in summary:
        return ""
    interval = f" ({summary['low']:.2g}–{summary['high']:.2g})" if len(summary["samples"]) > 1 else ""
    return f"{summary['ratio']:.3g}{interval}"


def plot(told: Mapping[str, Any], path: Path) -> None:
    """Plot every figure that is a time, p50 to p95 of each pipeline, on one logarithmic axis."""
    from matplotlib.figure import Figure as Canvas

    times = [figure for figure in told["figures"].values() if figure["unit"] == "s"]
    canvas = Canvas(figsize=(9, 0.42 * len(times) + 1.2), layout="constrained")
    axes = canvas.add_subplot()
    for offset, (kind, label) in enumerate(LABELS.items()):
        shown = [(place, figure[kind]) for place, figure in enumerate(times) if kind in figure]
        if shown:
            places = [place + 0.22 * (offset - 1) for place, _ in shown]
            low, high = ([summary[name] for _, summary in shown] for name in ("p50", "p95"))
            axes.hlines(places, low, high, color=f"C{offset}", linewidth=2, alpha=0.5)
            axes.plot(low, places, "o", color=f"C{offset}", label=label)
    axes.set_yticks(range(len(times)), [figure["label"] for figure in times])
    axes.invert_yaxis()
    axes.set_xscale("log")
    axes.set_xlabel("seconds: p50 (dot) to p95 (line)")
    axes.grid(axis="x", alpha=0.3)
    canvas.legend(loc="outside upper center", ncols=len(LABELS))
    canvas.savefig(path, dpi=130)
