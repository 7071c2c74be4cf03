"""Measured figures as JSON, as a table and on the disk, with the machine they were taken on."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from mien_core.files import write_whole
from mien_pipeline.evaluation.measures import Row

Figures = Sequence[tuple[str, Row]]
"""(suite, row) as they were measured."""


def describe_figures(figures: Figures) -> list[dict[str, object]]:
    """One object a figure, its value to four digits."""
    return [
        {"suite": suite, **asdict(row), "value": float(f"{row.value:.4g}"), "holds": row.holds}
        for suite, row in figures
    ]


def describe_machine() -> dict[str, object]:
    return {"cores": os.cpu_count(), "processor": platform.machine(), "python": platform.python_version()}


def record_figures(path: Path, figures: Figures) -> None:
    """Put these figures into the file of recorded ones; suites that did not run keep theirs."""
    known: list[dict[str, object]] = json.loads(path.read_text(encoding="utf-8"))["rows"] if path.exists() else []
    ran = {suite for suite, _ in figures}
    kept = [row for row in known if row["suite"] not in ran]
    together = sorted([*kept, *describe_figures(figures)], key=lambda row: str(row["suite"]))
    text = json.dumps({"machine": describe_machine(), "rows": together}, indent=2, ensure_ascii=False)
    write_whole(path, text.encode() + b"\n")


def draw_table(figures: Figures) -> str:
    """Markdown, one line a figure: what, value, what it must be, and whether it is."""
    lines = ["| suite | what | value | must be | holds |", "|---|---|---|---|---|"]
    for suite, row in figures:
        bound = "" if row.limit is None else f"{'≥' if row.at_least else '≤'} {row.limit:g}"
        lines.append(
            f"| {suite} | {row.what} | {row.value:.3g} {row.unit} | {bound} | {'yes' if row.holds else 'NO'} |"
        )
    return "\n".join(lines)
