"""The report promises: naturalness beside likeness, who did not run and why, and random weights called random."""

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree

import pytest

from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.evaluation.cases import CaseFile
from mien_pipeline.evaluation.claim import choose_claims
from mien_pipeline.evaluation.pages import write_report
from mien_testing.evaluation import line

COMMITTED = Path(__file__).parents[3] / "pipeline/evaluation"
DAY = re.compile(r"\d{4}-\d\d-\d\d")


@pytest.fixture
def file(tmp_path: Path) -> CaseFile:
    found = CaseFile(tmp_path)
    said = {"engine": "flux", "mien": "1", "settings": {}, "machine": {}, "models": {"a/b": "0" * 64}, "random": True}
    found.describe("one", said)
    for seed in range(7):
        found.append(line(series="PuLID on", seed=seed, margin=0.4, axis="true_cfg_scale"))
        found.append(line(series="PuLID off", seed=seed, margin=0.1, axis="true_cfg_scale"))
    found.append(line(seed=9, naturalness=0.1, faults=["edge"], likeness=0.9))
    found.append({**line(seed=10), "state": "refused", "code": "no-face-found", "identity": None})
    return found


def test_the_report_shows_naturalness_in_every_table_and_the_worst_first(tmp_path: Path, file: CaseFile) -> None:
    paths = write_report(tmp_path, choose_claims(["guidance", "size"]), file, {"inswapper": "not installed: inswapper"})
    assert [path.name for path in paths] == ["report.md", "report.html", "guidance.svg"]
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    heads = re.findall(r"^\| (?:level|case) .*$", text, re.MULTILINE)
    assert len(heads) == 3
    assert all("naturalness" in head for head in heads)
    after = text.split("the worst five\n\n")[1].splitlines()
    assert after[2].endswith("| 0.90 | 0.30 | 0.10 | edge |")
    assert "- Refused with `no-face-found`: 1." in text
    assert "- inswapper: not installed: inswapper" in text
    assert "- PuLID on against PuLID off: margin +0.300 (+0.300 to +0.300, n = 7)" in text
    assert "## size\n" in text
    assert text.count("Not run.") == 1


def test_random_weights_are_called_random_and_real_ones_are_not(tmp_path: Path, file: CaseFile) -> None:
    write_report(tmp_path, choose_claims(["guidance"]), file, {})
    assert "**The weights are random numbers.**" in (tmp_path / "report.md").read_text(encoding="utf-8")
    file.append({**file.setups["one"], "key": "one", "random": False})
    write_report(tmp_path, choose_claims(["guidance"]), file, {})
    assert "random numbers" not in (tmp_path / "report.md").read_text(encoding="utf-8")


def test_a_plot_has_a_line_for_each_series_and_a_dashed_one_for_naturalness(tmp_path: Path, file: CaseFile) -> None:
    write_report(tmp_path, choose_claims(["guidance"]), file, {})
    root = ElementTree.fromstring((tmp_path / "guidance.svg").read_text(encoding="utf-8"))  # noqa: S314  # our own
    lines = root.findall("{*}polyline")
    assert len(lines) == 2 * 3
    assert sum(bool(each.get("stroke-dasharray")) for each in lines) == 3
    assert {"flux, PuLID on", "flux, PuLID off"} <= {str(each.text) for each in root.findall("{*}text")}


def test_the_worst_are_shown_where_there_is_a_picture_of_them_and_the_page_holds_it(
    tmp_path: Path, file: CaseFile
) -> None:
    (tmp_path / "pictures").mkdir()
    key = next(str(each["key"]) for each in file.lines if each.get("naturalness") == 0.1)
    file.append({**line(seed=9, naturalness=0.1), "key": "shown"})
    (tmp_path / "pictures" / "shown.jpg").write_bytes(b"a picture")
    write_report(tmp_path, choose_claims(["guidance"]), file, {})
    text = (tmp_path / "report.md").read_text(encoding="utf-8")
    assert text.count("](pictures/") == 1
    assert "](pictures/shown.jpg)" in text
    assert key not in text
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert page.count("<img ") == 1
    assert "<svg" in page


def test_a_claims_own_measures_and_its_ceiling_are_columns(tmp_path: Path, file: CaseFile) -> None:
    mine = {"claim": "hair", "axis": "hair", "label": "bald target", "hair": 0.75, "edge": 1.5, "ceiling": 0.8}
    file.append(line(**mine))
    write_report(tmp_path, choose_claims(["hair"]), file, {})
    (head,) = re.findall(r"^\| level .*$", (tmp_path / "report.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert head.startswith("| level | n | refused | faulty | rank 1 | likeness | ceiling | margin |")
    assert head.endswith("| of hair's pixels kept | forehead's edge ÷ target's |")


def test_a_plot_says_how_many_cases_a_point_has(tmp_path: Path, file: CaseFile) -> None:
    write_report(tmp_path, choose_claims(["guidance"]), file, {})
    plot = (tmp_path / "guidance.svg").read_text(encoding="utf-8")
    assert "true_cfg_scale (n = 7 a point)" in plot
    assert "id_weight (n = 1 a point)" in plot


def test_the_committed_report_is_what_the_tool_makes_of_its_cases(tmp_path: Path) -> None:
    """But for its day. Its head names every engine that did not run."""
    shutil.copytree(COMMITTED, tmp_path / "made")
    head = (COMMITTED / "report.md").read_text(encoding="utf-8").partition("\n## ")[0]
    not_run = dict(re.findall(r"^- (.+?): (.+)$", head, re.MULTILINE))
    assert {*not_run, "mesh"} == {*ENGINES}
    for path in write_report(tmp_path / "made", choose_claims([]), CaseFile(tmp_path / "made"), not_run):
        if path.suffix != ".html":
            made, kept = (each.read_text(encoding="utf-8") for each in (path, COMMITTED / path.name))
            assert DAY.sub("", made, 1) == DAY.sub("", kept, 1), path.name
