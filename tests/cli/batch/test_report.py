"""What a run leaves to read: a table that computes nothing, and a page that needs no network and runs nothing."""

import csv
import io
import json
import os
from pathlib import Path
from typing import Any

import pytest

from mien_cli.batch.inputs import InputFile
from mien_cli.batch.journal import FileRow
from mien_cli.batch.names import ResultName
from mien_cli.batch.report import (
    COLUMNS,
    RunReport,
    defuse,
    refuse_foreign_reports,
    to_csv_bytes,
    to_json_bytes,
    write_reports,
)
from mien_cli.batch.run import Item, State
from mien_core.errors import OutputExists

SCORES = {"recogniser": "fake", "to_reference": 0.61, "to_target": -0.02, "before": 0.1}
FACE = {"swapped": True, "identity": SCORES, "verdict": "clear", "naturalness": 0.9, "warnings": ["low-light"]}
LESS = {**FACE, "identity": {**SCORES, "to_reference": 0.3}, "verdict": "not", "naturalness": 0.4, "faults": ["edge"]}


def item(name: str, state: State = "done", **row: Any) -> Item:
    filled = FileRow(1, f"/in/{name}", "ask", state=state, output=f"{name}-me.jpg", seconds=1.5, **row)
    return Item(InputFile(Path("in") / name), filled, ResultName(Path("out"), {}), ".jpg", state)


@pytest.mark.parametrize(
    ("states", "status"),
    [("d", 0), ("ds", 0), ("s", 0), ("df", 3), ("sf", 3), ("dw", 3), ("f", 1), ("fw", 1), ("w", 1)],
)
def test_the_status_says_all_some_or_none(states: str, status: int) -> None:
    names: dict[str, State] = {"d": "done", "s": "skipped", "f": "failed", "w": "waiting"}
    assert RunReport([item("a", names[each]) for each in states], 1.0).status == status


def test_the_face_that_is_least_like_its_reference_speaks_for_its_picture() -> None:
    (told,) = RunReport([item("a", faces=[FACE, LESS, {"swapped": False}])], 1.0).to_document()["items"]
    assert told["identity"]["to_reference"] == 0.3
    assert (told["verdict"], told["naturalness"], told["faces"]) == ("not", 0.4, 2)
    assert told["warnings"] == ["low-light", "edge"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "＝1", '=HYPERLINK("x")'])
def test_no_cell_is_a_formula(text: str) -> None:
    document = RunReport([item(text, faces=[FACE])], 1.0).to_document()
    assert defuse(text) == f"'{text}"
    table = to_csv_bytes({**document, "items": [{**document["items"][0], "input": text}]})
    (row,) = csv.DictReader(io.StringIO(table.decode("utf-8-sig"), newline=""))
    assert row["input"] == f"'{text}"
    assert row["to_target"] == "-0.02"
    assert tuple(row) == COLUMNS


def test_names_of_any_bytes_are_in_every_report(tmp_path: Path) -> None:
    name = os.fsdecode("写真.png".encode("cp932"))
    items = [item(name, faces=[FACE]), item("ü & <b>.png")]
    document = RunReport(items, 1.0).to_document()
    write_reports(tmp_path, document, items)
    assert json.loads((tmp_path / "report.json").read_text("utf-8")) == json.loads(to_json_bytes(document))
    assert json.loads((tmp_path / "report.json").read_bytes())["items"][0]["input"] == f"in/{name}"
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "./%8E%CA%90%5E.png-me.jpg" in page
    assert "ü &amp; &lt;b&gt;.png" in page
    assert "<b>" not in page


def test_the_page_runs_no_script_and_asks_no_network(tmp_path: Path) -> None:
    items = [
        item('"><script>alert(1)</script>', faces=[FACE], before=b"\xff\xd8", after=b"\xff\xd8"),
        item("javascript:x"),
    ]
    write_reports(tmp_path, RunReport(items, 1.0).to_document(), items)
    page = (tmp_path / "report.html").read_text("utf-8")
    assert "<script" not in page
    assert "default-src 'none'" in page
    assert 'href="./javascript%3Ax-me.jpg"' in page
    assert "http:" not in page.replace("http-equiv", "")
    assert page.count("data:image/jpeg;base64,/9g=") == 2


@pytest.mark.parametrize("name", ["report.json", "report.csv", "report.html"])
def test_a_report_of_somebody_else_is_not_replaced(name: str, tmp_path: Path) -> None:
    refuse_foreign_reports(tmp_path)
    write_reports(tmp_path, RunReport([], 0.0).to_document(), [])
    refuse_foreign_reports(tmp_path)
    (tmp_path / name).write_text("the tax report")
    with pytest.raises(OutputExists) as refused:
        refuse_foreign_reports(tmp_path)
    assert refused.value.fields["file"] == str(tmp_path / name)
