"""The table promises: its numbers are the committed evaluation's, and what was not measured has none."""

import runpy
from pathlib import Path

import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.choice.measured import FILE, Measured, Row, make_table, read_table
from mien_testing.evaluation import line

ROOT = Path(__file__).parents[3]
SETUP = {"key": "one", "state": "setup", "random": False, "settings": {}}


def row(at: float, worth: float) -> Row:
    return Row(at, n=4, refused=0, faulty=0, likeness=worth, naturalness=1.0, worth=worth, seconds=1.0)


def test_the_table_is_what_the_committed_evaluation_says() -> None:
    """`python pipeline/scripts/write_measured.py` writes it."""
    written = runpy.run_path(str(ROOT / "pipeline/scripts/write_measured.py"))["generate"]()
    assert (ROOT / "pipeline/mien_pipeline/choice" / FILE).read_text(encoding="utf-8") == written


def test_every_engine_has_a_row_and_only_those_that_ran_with_real_weights_have_figures() -> None:
    table = read_table()
    assert set(load_catalogue({}).swappers) | {"mesh", "flux", "klein"} == set(table)
    assert [name for name, rows in table.items() if rows != Measured()] == ["mesh"]
    assert all(each.n >= 4 for each in (*table["mesh"].size, *table["mesh"].angle))


def test_a_row_is_the_mean_of_its_cases_and_a_refused_one_is_worth_nothing() -> None:
    cases = [
        line(claim="angle", engine="mesh", level=-36, likeness=0.8, naturalness=0.5, target_yaw=-20.0),
        line(claim="angle", engine="mesh", level=36, likeness=0.6, naturalness=1.0, target_yaw=24.0, faults=["edge"]),
        line(claim="angle", engine="mesh", level=36, target="c", state="refused"),
    ]
    (found,) = make_table([SETUP, *cases], ["mesh", "flux"])["mesh"].angle
    assert (found.at, found.n, found.refused, found.faulty) == (22.0, 3, 1, 1)
    assert (found.likeness, found.naturalness) == (0.7, 0.75)
    assert found.worth == pytest.approx((0.8 * 0.5 + 0.6) / 3, abs=1e-3)


@pytest.mark.parametrize("setup", [{"random": True}, {"settings": {"shape": 0.1}}, {"key": "another"}])
def test_random_weights_and_settings_of_ones_own_are_no_measurement(setup: dict[str, object]) -> None:
    case = line(claim="size", engine="mesh", level=96)
    assert make_table([SETUP, case], ["mesh"])["mesh"].size
    assert make_table([{**SETUP, **setup}, case], ["mesh"]) == {"mesh": Measured()}


def test_a_level_without_naturalness_or_without_a_picture_has_no_row() -> None:
    cases = [
        line(claim="size", engine="mesh", level=24, naturalness=None),
        line(claim="size", engine="mesh", level=48, state="refused"),
    ]
    assert make_table([SETUP, *cases], ["mesh"]) == {"mesh": Measured()}


@pytest.mark.parametrize(
    ("width", "yaw", "worth"),
    [(20.0, 0.0, 0.1), (90.0, 5.0, 0.5), (90.0, -30.0, 0.2), (20.0, 30.0, 0.1), (None, None, 0.5)],
)
def test_a_face_is_judged_by_the_worse_of_its_size_and_its_angle(
    width: float | None, yaw: float | None, worth: float
) -> None:
    measured = Measured((row(24, 0.1), row(96, 0.5)), (row(10, 0.6), row(22, 0.2)))
    found = measured.find(width, yaw)
    assert found is not None
    assert found.worth == worth


def test_what_was_not_measured_is_found_nowhere() -> None:
    assert Measured().find(90.0, 0.0) is None
