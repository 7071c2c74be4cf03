"""Bodies refuse what they do not know, names are what their patterns say, and job options are documented."""

import re
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from mien_daemon.http.client_schemas import NewToken
from mien_daemon.http.job_schemas import LIST_OF_STATES, JobQuery, MoveJob, WaitQuery
from mien_daemon.http.new_job_schemas import NewRestore, NewSwap
from mien_daemon.http.schemas import DIGEST, HEADERS, PersonsName, Picture, Problem, Reference


def takes(kind: Any, value: object) -> bool:
    try:
        TypeAdapter(kind).validate_python(value)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("name", "picture", "reference"),
    [
        (DIGEST, True, True),
        ("ref:0f1e2d3c4b5a6978", False, True),
        ("ref:" + "a" * 64, False, True),
        ("ref:" + "a" * 65, False, False),
        ("ref:", False, False),
        ("ref:../x", False, False),
        (DIGEST[:-1], False, False),
        (DIGEST + "0", False, False),
        (DIGEST.upper(), False, False),
        ("http://127.0.0.1/x.png", False, False),
        ("", False, False),
    ],
)
def test_a_picture_is_named_by_its_hash_and_a_reference_also_by_its_id(
    name: str, picture: bool, reference: bool
) -> None:
    assert (takes(Picture, name), takes(Reference, name)) == (picture, reference)


@pytest.mark.parametrize(
    ("name", "good"),
    [("Ann", True), ("x" * 60, True), ("x" * 61, False), ("", False), ("a\nb", False), ("a\x7f", False)],
)
def test_a_name_fits_a_line(name: str, good: bool) -> None:
    assert takes(PersonsName, name) is good


def test_a_body_refuses_members_that_it_does_not_know() -> None:
    for body, good in ((MoveJob, {"before": None}), (NewToken, {"name": "x", "scope": "swap"})):
        assert takes(body, good)
        assert not takes(body, {**good, "more": 1})


def test_a_problem_carries_fields_of_its_own() -> None:
    problem = Problem.model_validate({"type": "t", "title": "T", "status": 422, "code": "c", "field": "x"})
    assert problem.model_dump()["field"] == "x"


@pytest.mark.parametrize(("count", "good"), [(0, False), (1, True), (20, True), (21, False)])
def test_a_swap_has_one_reference_for_each_of_up_to_twenty_faces(count: int, good: bool) -> None:
    swap = {"kind": "swap", "target": DIGEST, "reference": [DIGEST] * count}
    assert takes(NewSwap, swap) is good
    assert takes(NewSwap, {**swap, "reference": DIGEST})


def test_a_restore_has_no_reference() -> None:
    assert takes(NewRestore, {"kind": "restore", "target": DIGEST})
    assert not takes(NewRestore, {"kind": "restore", "target": DIGEST, "reference": DIGEST})


@pytest.mark.parametrize(("limit", "good"), [(0, False), (1, True), (100, True), (101, False)])
def test_a_page_of_jobs_has_1_to_100(limit: int, good: bool) -> None:
    assert takes(JobQuery, {"limit": limit}) is good
    assert JobQuery.model_validate({}).limit == 100


@pytest.mark.parametrize(("wait", "good"), [(0, True), (20.5, True), (-1, False), (float("inf"), False)])
def test_a_wait_is_a_number_of_seconds(wait: float, good: bool) -> None:
    assert takes(WaitQuery, {"wait": wait}) is good


@pytest.mark.parametrize(
    ("text", "good"), [("", True), ("queued", True), ("queued,done", True), ("queued,", False), ("lost", False)]
)
def test_states_are_a_list_of_known_ones(text: str, good: bool) -> None:
    assert bool(re.search(LIST_OF_STATES, text)) is good


@pytest.mark.parametrize(
    ("key", "good"), [("a", True), ("x" * 255, True), ("x" * 256, False), ("", False), ("a b", False)]
)
def test_an_idempotency_key_has_visible_characters(key: str, good: bool) -> None:
    assert bool(re.search(HEADERS["Idempotency-Key"], key)) is good
