"""Every error has its row, its own code and a way back: what the daemon refuses, a client raises."""

import json
import pickle
from collections import Counter

import pytest

from mien_api import errors as refused
from mien_api.problems import INTERNAL, PROBLEMS, error_for, kinds, problem_for, row_for
from mien_core.errors import ImageTooLarge, MienError, NoFaceFound
from mien_daemon.worker.messages import LENGTH, Failed, decode, encode
from mien_daemon.worker.process import failure

# Branches of the trees: nobody raises them.
BRANCHES = {"AccessError", "MissingError", "StateError", "ModelError", "TrustError", "ResourceError"}
LEAVES = [kind for kind in kinds() if kind.__name__ not in BRANCHES]


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_has_a_row_of_its_own_and_comes_back_as_itself(kind: type[MienError]) -> None:
    assert kind in PROBLEMS
    error = kind("as it is", field="target", found=3)
    problem = json.loads(json.dumps(problem_for(error)))
    assert problem["code"] == kind.code
    assert problem["type"] == f"urn:mien:problem:{kind.code}"
    assert problem["title"] == PROBLEMS[kind].title
    assert problem["status"] == row_for(error).status
    assert (problem["detail"], problem["field"], problem["found"]) == ("as it is", "target", 3)
    back = error_for(problem)
    assert type(back) is kind
    assert (str(back), back.fields) == ("as it is", {"field": "target", "found": 3})


def test_no_two_errors_share_a_code() -> None:
    shared = [code for code, count in Counter(kind.code for kind in LEAVES).items() if count > 1]
    assert shared == []


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_is_drawn_in_its_tree(kind: type[MienError]) -> None:
    import mien_core.errors

    drawn = (mien_core.errors.__doc__ or "") + (refused.__doc__ or "")
    assert kind.__name__ in drawn


@pytest.mark.parametrize("kind", LEAVES, ids=lambda kind: kind.__name__)
def test_every_error_survives_the_way_from_the_worker(kind: type[MienError]) -> None:
    error = kind("as it is", role="target")
    sent = decode(encode(Failed("1", error.code, str(error), error.fields))[LENGTH.size :])
    assert isinstance(sent, Failed)
    back = failure(sent)
    assert type(back) is kind
    assert isinstance(back, MienError)
    assert back.fields == {"role": "target"}
    assert pickle.loads(pickle.dumps(error)).fields == error.fields  # noqa: S301 our own bytes


def test_an_error_nobody_planned_for_tells_its_number_and_nothing_of_itself() -> None:
    problem = problem_for(ZeroDivisionError("a path, a name, a secret"))
    assert problem["code"] == "internal-error"
    assert problem["status"] == INTERNAL.status
    assert "secret" not in str(problem)
    assert problem["incident"] != problem_for(ZeroDivisionError())["incident"]


def test_a_refusal_of_the_system_is_named_wherever_it_comes_from() -> None:
    full, broken = problem_for(OSError(28, "No space left on device", "/a/name")), problem_for(OSError(5, "I/O error"))
    assert (full["code"], full["status"]) == ("disk-full", 507)
    assert (broken["code"], broken["status"], broken["reason"]) == ("disk-failed", 503, "I/O error")
    assert "/a/name" not in str(full)


def test_a_kind_without_a_row_is_told_as_the_kind_it_is_of() -> None:
    class NoFaceInTheDark(NoFaceFound):
        pass

    try:
        assert row_for(NoFaceInTheDark("dark")) == PROBLEMS[NoFaceFound]
    finally:
        del NoFaceInTheDark
        import gc

        gc.collect()


def test_too_many_bytes_are_413_and_too_many_pixels_422() -> None:
    assert problem_for(ImageTooLarge("big", limit_bytes=1))["status"] == 413
    assert problem_for(ImageTooLarge("big", limit_pixels=1))["status"] == 422


def test_fields_cannot_overwrite_what_a_problem_is() -> None:
    problem = problem_for(NoFaceFound("none", code="ok", title="fine", role="target"))
    assert (problem["code"], problem["role"]) == ("no-face-found", "target")
    assert problem["title"] == PROBLEMS[NoFaceFound].title


def test_a_code_of_a_later_daemon_is_still_an_error() -> None:
    error = error_for({"code": "of-tomorrow", "title": "Something new", "status": 400})
    assert type(error) is MienError
    assert str(error) == "Something new"
