"""Figures promise: four digits, honest verdicts, and a record in which suites that did not run keep theirs."""

import json
from pathlib import Path

from mien_pipeline.evaluation.figures import describe_figures, draw_table, record_figures
from mien_pipeline.evaluation.measures import Row

QUICK = Row("swap ÷ decode", 1.23456, "ratio", 2)
SLOW = Row("start", 900.0, "ms", 500)
FAST = Row("download", 120.0, "MB/s", 100, at_least=True)


def test_a_figure_is_told_to_four_digits_with_its_limit_and_verdict() -> None:
    assert describe_figures([("pipeline", QUICK)]) == [
        {
            "suite": "pipeline",
            "what": "swap ÷ decode",
            "value": 1.235,
            "unit": "ratio",
            "limit": 2,
            "at_least": False,
            "holds": True,
        }
    ]


def test_the_table_says_what_must_be_and_which_figures_miss_it() -> None:
    table = draw_table([("pipeline", QUICK), ("daemon", SLOW), ("downloads", FAST), ("tray", Row("memory", 31, "MB"))])
    assert table.splitlines()[2:] == [
        "| pipeline | swap ÷ decode | 1.23 ratio | ≤ 2 | yes |",
        "| daemon | start | 900 ms | ≤ 500 | NO |",
        "| downloads | download | 120 MB/s | ≥ 100 | yes |",
        "| tray | memory | 31 MB |  | yes |",
    ]


def test_a_record_keeps_the_figures_of_suites_that_did_not_run(tmp_path: Path) -> None:
    path = tmp_path / "recorded.json"
    record_figures(path, [("tray", SLOW), ("pipeline", SLOW)])
    record_figures(path, [("pipeline", QUICK), ("daemon", FAST)])
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert [(row["suite"], row["what"]) for row in rows] == [
        ("daemon", "download"),
        ("pipeline", "swap ÷ decode"),
        ("tray", "start"),
    ]
