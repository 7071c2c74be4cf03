"""The daemon's answers become what the menu shows: jobs in their order, downloads on their models, digits in time."""

from typing import Any

import pytest

from mien_daemon.jobs.label import JobLabel
from mien_testing.done_jobs import describe_done
from mien_tray.status import (
    JobSummary,
    ModelSummary,
    PairingSummary,
    read_jobs,
    read_models,
    read_pairing,
    read_results,
)


def job(name: str, state: str) -> dict[str, Any]:
    return {"id": name, "kind": "swap", "state": state, "progress": 0.5, "eta_s": None}


def test_jobs_that_run_come_first_and_then_the_oldest() -> None:
    """The daemon has the newest first."""
    answer = {"jobs": [job("new", "queued"), job("runs", "running"), job("old", "queued")]}
    assert [each.id for each in read_jobs(answer, {})] == ["runs", "old", "new"]
    assert read_jobs(answer, {})[0] == JobSummary("runs", "swap", True, 0.5)


NAMED = JobLabel("holiday.jpg", ("Eileen.png", None, "Eileen.jpg", "Ben.png"))


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        (NAMED, "Eileen, Ben → holiday.jpg"),
        (JobLabel("holiday.jpg", (None,)), "holiday.jpg"),
        (JobLabel(None, ("Eileen.png",)), "Eileen"),
        (None, ""),
    ],
)
def test_a_result_is_called_by_whose_face_went_into_which_picture(label: JobLabel | None, shown: str) -> None:
    (result,) = read_results({"jobs": [describe_done("a1", label=label)]}, {})
    assert (result.id, result.kind, result.label) == ("a1", "swap", shown)


def test_a_job_is_called_by_the_person_of_the_library_whose_face_it_uses() -> None:
    """Her name is kept there alone, and the job says which person it is."""
    waiting = {**job("a1", "queued"), "references": [["ref:f1", "ref:f2"], ["ref:gone"], ["sha256:0f"]]}
    label = {"target": "holiday.jpg", "references": [None, None, "Ben.png"]}
    (shown,) = read_jobs({"jobs": [{**waiting, "label": label}]}, {"ref:f1": "Eileen"})
    assert shown.label == "Eileen, Ben → holiday.jpg"
    (shown,) = read_jobs({"jobs": [{**waiting, "label": None}]}, {"ref:f1": "Eileen"})
    assert shown.label == "Eileen"


def test_the_last_three_results_are_those_that_are_still_there() -> None:
    """A look at a clip has none, and of a job whose result has expired only the words are left."""
    jobs = [
        describe_done("look", kind="analyse"),
        describe_done("gone", keep_s=-1.0),
        describe_done("starred", keep_s=-1.0, is_starred=True),
        *(describe_done(name) for name in "abc"),
    ]
    assert [result.id for result in read_results({"jobs": jobs}, {})] == ["starred", "a", "b"]


MODEL = {"name": "iris", "title": "Iris", "state": "partial", "size": 100, "licence_accepted": None}


@pytest.mark.parametrize("state", ["queued", "running"])
def test_a_model_that_is_on_its_way_says_how_far(state: str) -> None:
    transfer = {"name": "iris", "action": "download", "state": state, "total_bytes": 200, "done_bytes": 90}
    (model,) = read_models({"models": [MODEL], "transfers": [transfer]})
    assert (model.state, model.size_bytes, model.percent) == ("downloading", 200, 45)


@pytest.mark.parametrize(
    "transfer", [{"action": "verify", "state": "running"}, {"action": "download", "state": "done"}]
)
def test_a_model_that_is_not_on_its_way_keeps_its_state(transfer: dict[str, object]) -> None:
    (model,) = read_models({"models": [MODEL], "transfers": [{"name": "iris", **transfer}]})
    assert model == ModelSummary("iris", "Iris", "partial", 100)


@pytest.mark.parametrize(("accepted", "to_read"), [(None, False), (True, False), (False, True)])
def test_a_licence_is_to_be_read_where_it_was_not_accepted(accepted: bool | None, to_read: bool) -> None:
    (model,) = read_models({"models": [{**MODEL, "licence_accepted": accepted}], "transfers": []})
    assert model.licence_to_read is to_read


@pytest.mark.parametrize(("done", "size", "percent"), [(0, 0, 0), (5, 0, 0), (50, 100, 50), (300, 100, 100)])
def test_a_per_cent_is_never_more_than_all(done: int, size: int, percent: int) -> None:
    assert ModelSummary("m", "M", "downloading", size, done).percent == percent


WINDOW = {"seconds_left": 60, "id": "p", "name": "Firefox", "digits": "123456"}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"state": None}, PairingSummary(open=True)),
        ({"state": "shown"}, PairingSummary(True, "p", "Firefox", "123456")),
        ({"state": "approved"}, PairingSummary(open=False)),
        ({"state": None, "seconds_left": 0}, PairingSummary(open=False)),
    ],
)
def test_digits_are_there_only_while_they_are_to_be_compared(
    changes: dict[str, object], expected: PairingSummary
) -> None:
    assert read_pairing({**WINDOW, **changes}) == expected
