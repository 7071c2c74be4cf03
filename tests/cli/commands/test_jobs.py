"""`mien jobs` shows the daemon's queue and changes it; every page of a long list is read."""

from collections.abc import Callable
from typing import Any

import pytest

from mien_testing.scripted_daemon import ScriptedDaemon

RunJson = Callable[..., tuple[int, Any]]
RunText = Callable[..., Any]


def job(number: int, **more: object) -> dict[str, Any]:
    usual = {"kind": "swap", "state": "queued", "progress": 0.0, "created_at": "2026-01-01T00:00:00Z", "problem": None}
    return {"id": f"job{number}", **usual, "stage": None, "eta_s": None, "result": None, **more}


def test_a_list_longer_than_a_page_is_read_page_by_page(scripted: ScriptedDaemon, run_json: RunJson) -> None:
    scripted.answers = {
        "GET /v1/jobs?limit=100": {"jobs": [job(number) for number in range(100)], "next": "c1"},
        "GET /v1/jobs?limit=20&cursor=c1": {"jobs": [job(number) for number in range(100, 120)], "next": "c2"},
    }
    status, document = run_json("jobs", "list", "--limit", "120")
    assert (status, len(document["jobs"]), document["next"]) == (0, 120, "c2")


def test_a_list_ends_where_the_daemon_has_no_more(scripted: ScriptedDaemon, run_json: RunJson) -> None:
    scripted.answers["GET /v1/jobs?limit=100&state=done%2Cfailed"] = {"jobs": [job(1)], "next": None}
    assert run_json("jobs", "list", "--state", "done,failed") == (0, {"jobs": [job(1)], "next": None})
    assert len(scripted.asked) == 1


def test_a_line_says_how_far_a_job_is_or_why_it_is_not(scripted: ScriptedDaemon, run_text: RunText) -> None:
    running = job(1, state="running", progress=0.42)
    failed = job(2, state="failed", kind="restore", problem={"code": "disk-full"})
    scripted.answers["GET /v1/jobs?limit=100"] = {"jobs": [running, failed], "next": None}
    assert run_text("jobs", "list").out.splitlines() == [
        "job1  swap     42%        2026-01-01T00:00:00Z",
        "job2  restore  failed     2026-01-01T00:00:00Z  disk-full",
    ]


def test_an_empty_queue_is_said(scripted: ScriptedDaemon, run_text: RunText) -> None:
    scripted.answers["GET /v1/jobs?limit=100"] = {"jobs": [], "next": None}
    assert run_text("jobs", "list").out == "no jobs\n"


def test_one_job_tells_its_stage_its_problem_and_its_result(scripted: ScriptedDaemon, run_text: RunText) -> None:
    scripted.answers["GET /v1/jobs/a%2Fb"] = job(1, state="running", stage="blend", eta_s=3.5)
    assert "stage blend, 3.5 s to go" in run_text("jobs", "show", "a/b").out
    scripted.answers["GET /v1/jobs/a"] = job(1, state="failed", problem={"code": "x", "title": "T", "detail": "D"})
    assert run_text("jobs", "show", "a").out.splitlines()[1] == "    D"
    done = job(1, state="done", result={"engine": "mesh", "seconds": 1.5}, expires_at="tomorrow")
    scripted.answers["GET /v1/jobs/a"] = done
    assert run_text("jobs", "show", "a").out.splitlines()[1] == "    mesh, 1.5 s, kept until tomorrow"


@pytest.mark.parametrize("verb", ["cancel", "retry"])
def test_a_job_is_cancelled_or_repeated_by_its_id(verb: str, scripted: ScriptedDaemon, run_json: RunJson) -> None:
    scripted.answers[f"POST /v1/jobs/a%2Fb/{verb}"] = job(7)
    assert run_json("jobs", verb, "a/b") == (0, job(7))


@pytest.mark.parametrize(
    ("verb", "path"),
    [
        ("pause", "/v1/queue/pause"),
        ("resume", "/v1/queue/resume"),
        ("unload", "/v1/worker/unload"),
        ("restart", "/v1/worker/restart"),
    ],
)
def test_the_queue_and_the_worker_are_changed_and_then_shown(
    verb: str, path: str, scripted: ScriptedDaemon, run_text: RunText
) -> None:
    scripted.answers["GET /v1/health"] = {"queue": {"paused": True, "queued": 3}, "worker": {"state": "stopped"}}
    assert run_text("jobs", verb).out == "paused, 3 waiting; the worker is stopped\n"
    assert [(each.method, each.path) for each in scripted.asked] == [("POST", path), ("GET", "/v1/health")]


def test_what_the_daemon_refuses_is_its_own_problem(scripted: ScriptedDaemon, run_json: RunJson) -> None:
    scripted.answers["GET /v1/jobs/a"] = 404
    status, problem = run_json("jobs", "show", "a")
    assert (status, problem["code"], problem["detail"]) == (1, "unknown-job", "there is no such job")
