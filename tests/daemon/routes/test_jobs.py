"""Jobs: taken when they can be done, done in order, stopped when asked, told about as they go, kept for their time."""

import asyncio
import shutil
import time
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import Any

import pytest

from mien_daemon import keys
from mien_daemon.jobs.job import Job
from mien_daemon.jobs.store import JobStore
from mien_testing.daemon import name_of, png
from mien_testing.panel import until

pytestmark = pytest.mark.slow

Daemon = Any
OpenDaemon = Any

JOB_FIELDS = {
    "id",
    "kind",
    "state",
    "progress",
    "stage",
    "eta_s",
    "attempts",
    "created_at",
    "started_at",
    "finished_at",
    "result",
    "problem",
}


async def jobs_of(daemon: Daemon, query: str = "") -> list[Any]:
    page: list[Any] = (await daemon.ask("GET", f"/v1/jobs{query}")).json["jobs"]
    return page


async def show(daemon: Daemon, job: Any) -> Any:
    return (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).json


def open_gate(daemon: Daemon, name: str = "gate") -> None:
    (daemon.state / name).touch()


# ── one job ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_job_says_what_its_pictures_are_called_until_it_is_deleted(daemon: Daemon) -> None:
    label = {"target": "C:\\Pictures\\holiday.jpg", "references": ["eileen.png"]}
    name = await daemon.put(png(shade=1))
    body = {"kind": "swap", "target": name, "reference": name, "label": label}
    posted = (await daemon.ask("POST", "/v1/jobs", body)).json
    kept = {"target": "holiday.jpg", "references": ["eileen.png"]}
    assert posted["label"] == kept
    assert [job["label"] for job in await jobs_of(daemon)] == [kept]
    assert (await daemon.ask("DELETE", f"/v1/jobs/{posted['id']}")).status == 204
    assert b"holiday" not in (daemon.state / "mien.db").read_bytes()
    long = await daemon.ask("POST", "/v1/jobs", {**body, "label": {"target": "x" * 256}})
    assert (long.status, long.json["field"]) == (400, "label.target")


async def test_a_swap_goes_from_two_pictures_to_a_third(daemon: Daemon) -> None:
    posted = await daemon.swap()
    assert posted.keys() >= JOB_FIELDS
    job = await daemon.finished(posted)
    assert (job["state"], job["progress"], job["attempts"], job["problem"]) == ("done", 1, 1, None)
    assert job["result"]["engine"] == "flux"
    assert job["created_at"] <= job["started_at"] <= job["finished_at"] < job["expires_at"]
    result = await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")
    assert result.status == 200
    assert result.body.startswith(b"\x89PNG")


@pytest.mark.parametrize("whole", [True, False])
async def test_a_job_waits_for_its_target_that_is_still_sent(daemon: Daemon, whole: bool) -> None:
    picture, posted = png(shade=1), asyncio.Event()

    async def halting() -> AsyncGenerator[bytes]:
        yield picture[:16]
        await posted.wait()
        yield picture[16:] if whole else b"other bytes"

    name = name_of(picture)
    putting = asyncio.create_task(daemon.ask("PUT", f"/v1/blobs/{name}", data=halting()))
    await asyncio.to_thread(until, lambda: any((daemon.state / "arriving").iterdir()), "a picture on its way")
    reference = await daemon.put(png(shade=2))
    body = {"kind": "swap", "target": name, "reference": reference}
    posting = asyncio.create_task(daemon.ask("POST", "/v1/jobs", body))
    assert (await daemon.ask("GET", "/v1/jobs")).json["jobs"] == []
    posted.set()
    assert (await putting).status == (201 if whole else 422)
    answer = await posting
    assert answer.status == (202 if whole else 404)
    assert whole or answer.json["code"] == "unknown-blob"


async def test_posting_says_where_the_job_is(daemon: Daemon) -> None:
    name = await daemon.put(png(shade=1))
    answer = await daemon.ask("POST", "/v1/jobs", {"kind": "swap", "target": name, "reference": name})
    assert answer.status == 202
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json['id']}"
    assert (await daemon.ask("GET", answer.headers["Location"])).status == 200


async def test_a_restore_needs_no_reference(daemon: Daemon) -> None:
    name = await daemon.put(png(shade=1))
    asked = {"kind": "restore", "target": name, "options": {"amount": 0.25}}
    job = await daemon.finished((await daemon.ask("POST", "/v1/jobs", asked)).json)
    assert (job["state"], job["kind"], job["reference"]) == ("done", "restore", None)
    assert job["options"] == {"amount": 0.25, "restorer": "vivid", "fidelity": 0.5}


@pytest.mark.parametrize(
    ("kind", "options", "status", "code", "field"),
    [
        ("swap", {"restorer": "sharpen"}, 422, "invalid-options", ("field", "restorer")),
        ("restore", {"restorer": "sharpen"}, 422, "invalid-options", ("field", "restorer")),
        ("restore", {"restorer": "gfpgan"}, 409, "model-not-installed", ("model", "gfpgan")),
        ("swap", {"restorer": "gfpgan", "restore": 1}, 409, "model-not-installed", ("model", "gfpgan")),
        ("swap", {"detector": "scrfd"}, 409, "model-not-installed", ("model", "scrfd")),
        ("swap", {"recogniser": "arcface"}, 409, "model-not-installed", ("model", "w600k")),
        ("swap", {"engine": "flux", "base": "schnell"}, 409, "model-not-installed", ("model", "flux-1-schnell")),
        ("swap", {}, 409, "model-not-installed", ("model", "face-detection")),
    ],
)
async def test_what_options_name_and_is_not_here_is_refused_when_the_job_is_posted(
    empty_daemon: Daemon, kind: str, options: dict[str, object], status: int, code: str, field: tuple[str, str]
) -> None:
    name = await empty_daemon.put(png(shade=1))
    asked = {"kind": kind, "target": name, "options": options} | ({"reference": name} if kind == "swap" else {})
    answer = await empty_daemon.ask("POST", "/v1/jobs", asked)
    assert (answer.status, answer.code, answer.json[field[0]]) == (status, code, field[1])
    assert (await empty_daemon.ask("GET", "/v1/jobs")).json["jobs"] == []


@pytest.mark.parametrize(
    ("engine", "missing"),
    [("inswapper", "inswapper"), ("ghost-1", "ghost-1"), ("klein", "flux-2-klein-4b-transformer"), ("flux", None)],
)
async def test_an_engine_whose_own_models_are_not_here_is_refused_when_the_job_is_posted(
    open_daemon: OpenDaemon, engine: str, missing: str | None
) -> None:
    """Which of flux's are named first depends on the machine."""
    async with open_daemon(installed=("mesh",)) as daemon:
        name = await daemon.put(png(shade=1))
        asked = {"kind": "swap", "target": name, "reference": name, "options": {"engine": engine}}
        answer = await daemon.ask("POST", "/v1/jobs", asked)
        assert (answer.status, answer.code) == (409, "model-not-installed")
        assert answer.json["model"] == (missing or answer.json["models"][0])
        assert answer.json["command"].startswith("mien models pull ")
        assert (await daemon.ask("GET", "/v1/jobs")).json["jobs"] == []


async def test_a_job_whose_engine_is_gone_is_not_queued_again(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap("fail=no-face-found"))
    shutil.rmtree(daemon.state / "models" / "installed")
    retried = await daemon.ask("POST", f"/v1/jobs/{job['id']}/retry")
    assert (retried.status, retried.code) == (409, "model-not-installed")
    assert (await show(daemon, job))["state"] == "failed"


async def test_a_swap_that_names_no_engine_gets_the_one_that_is_ready(open_daemon: OpenDaemon) -> None:
    """Or the one that is asked for: to leave the choice open is an engine's name too."""
    async with open_daemon(settings={"default_engine": "auto"}, installed=("mesh",)) as daemon:
        name = await daemon.put(png(shade=1))
        asked = {"kind": "swap", "target": name, "reference": name}
        assert (await daemon.ask("POST", "/v1/jobs", asked)).json["options"]["engine"] == "mesh"
        options = {"engine": "auto", "fallback": True}
        assert (await daemon.ask("POST", "/v1/jobs", {**asked, "options": options})).json["options"] == options


@pytest.mark.parametrize("options", [{"engine": "auto", "shape": 0.2}, {"engine": "auto", "fallback": 1}])
async def test_an_open_choice_has_the_options_that_every_engine_has(daemon: Daemon, options: dict[str, object]) -> None:
    name = await daemon.put(png(shade=1))
    answer = await daemon.ask(
        "POST", "/v1/jobs", {"kind": "swap", "target": name, "reference": name, "options": options}
    )
    assert (answer.status, answer.json["field"]) == (422, list(options)[1])


async def test_several_references_go_to_several_faces(daemon: Daemon) -> None:
    one, two = await daemon.put(png(shade=1)), await daemon.put(png(shade=2))
    asked = {"kind": "swap", "target": one, "references": [[one], [two]], "options": {"faces": [0, 1]}}
    job = await daemon.finished((await daemon.ask("POST", "/v1/jobs", asked)).json)
    assert (job["reference"], job["references"]) == (None, [[one], [two]])
    assert len(job["result"]["faces"]) == 2


async def test_several_pictures_of_one_person_are_one_reference(daemon: Daemon) -> None:
    one, two = await daemon.put(png(shade=1)), await daemon.put(png(shade=2))
    asked = {"kind": "swap", "target": one, "reference": [one, two]}
    job = await daemon.finished((await daemon.ask("POST", "/v1/jobs", asked)).json)
    assert (job["reference"], job["references"]) == ([one, two], [[one, two]])
    assert len(job["result"]["faces"]) == 1
    assert job["result"]["left_out"] == [{"picture": 1, "why": "other-person", "reference": 0, "name": two}]


async def test_a_picture_that_a_face_is_found_by_reaches_the_worker(daemon: Daemon) -> None:
    one, two = await daemon.put(png(shade=1)), await daemon.put(png(shade=2))
    asked = {"kind": "swap", "target": one, "reference": one, "options": {"faces": {"like": two}}}
    job = await daemon.finished((await daemon.ask("POST", "/v1/jobs", asked)).json)
    assert (job["state"], job["options"]["faces"]) == ("done", {"like": two})


WRONG_BODIES: dict[str, tuple[Any, int, str, str | None]] = {
    "no kind": ({}, 400, "bad-request", "kind"),
    "another kind": ({"kind": "paint", "target": "x"}, 400, "bad-request", "kind"),
    "no target": ({"target": None}, 400, "bad-request", "target"),
    "a reference that is a file": ({"reference": ["me.jpg"]}, 400, "bad-request", "reference"),
    "an unknown member": ({"url": "http://evil/x.png"}, 400, "bad-request", "url"),
    "no picture's name": ({"target": "cat.png"}, 400, "bad-request", "target"),
    "a path": ({"target": "sha256:../../etc/passwd"}, 400, "bad-request", "target"),
    "capital digits": ({"target": "sha256:" + "F" * 64}, 400, "bad-request", "target"),
    "a picture nobody sent": ({"target": "sha256:" + "0" * 64}, 404, "unknown-blob", "target"),
    "an unknown reference": ({"reference": "ref:nobody"}, 404, "unknown-reference", None),
    "no references": ({"reference": []}, 400, "bad-request", "reference"),
    "too many pictures": ({"reference": ["sha256:" + "0" * 64] * 21}, 400, "bad-request", "reference"),
    "reference and references": ({"references": [["ref:a"]]}, 400, "bad-request", "references"),
    "a person without a picture": ({"reference": ..., "references": [[]]}, 400, "bad-request", "references.0"),
    "nobody": ({"reference": ..., "references": []}, 400, "bad-request", "references"),
    "neither": ({"reference": ...}, 400, "bad-request", "reference"),
    "a face like no picture": ({"options": {"faces": {"like": "ann.png"}}}, 422, "invalid-options", "faces"),
    "a face like a picture nobody sent": (
        {"options": {"faces": {"like": "sha256:" + "0" * 64}}},
        404,
        "unknown-blob",
        "faces",
    ),
    "an unknown option": ({"options": {"colour": 1}}, 422, "invalid-options", "colour"),
    "a wrong value": ({"options": {"seed": -1}}, 422, "invalid-options", "seed"),
    "a wrong priority": ({"options": {"priority": "now"}}, 422, "invalid-options", "priority"),
    "a priority that is a list": ({"options": {"priority": []}}, 422, "invalid-options", "priority"),
    "an unknown engine": ({"options": {"engine": "magic"}}, 422, "unknown-engine", "engine"),
    "an engine that is a list": ({"options": {"engine": []}}, 422, "unknown-engine", "engine"),
}


@pytest.mark.parametrize(("change", "status", "code", "field"), WRONG_BODIES.values(), ids=WRONG_BODIES)
async def test_a_wrong_request_is_refused_by_the_name_of_its_field(
    daemon: Daemon, change: Any, status: int, code: str, field: str | None
) -> None:
    name = await daemon.put(png(shade=1))
    whole = {"kind": "swap", "target": name, "reference": name, **change} if change else {}
    whole = {member: value for member, value in whole.items() if value is not ...}
    body = {member: value for member, value in whole.items() if value is not None}
    answer = await daemon.ask("POST", "/v1/jobs", body)
    assert (answer.status, answer.code) == (status, code), answer.body
    assert answer.json.get("field") == field
    assert await jobs_of(daemon) == []


RESTORES: dict[str, tuple[Any, str]] = {
    "too much": ({"amount": 1.5}, "amount"),
    "not a number": ({"amount": "much"}, "amount"),
    "a yes": ({"amount": True}, "amount"),
    "an unknown option": ({"shine": 1}, "shine"),
    "an unknown format": ({"format": "gif"}, "format"),
}


@pytest.mark.parametrize(("options", "field"), RESTORES.values(), ids=RESTORES)
async def test_a_wrong_restore_is_refused_by_the_name_of_its_option(daemon: Daemon, options: Any, field: str) -> None:
    name = await daemon.put(png(shade=1))
    answer = await daemon.ask("POST", "/v1/jobs", {"kind": "restore", "target": name, "options": options})
    assert (answer.code, answer.json["field"]) == ("invalid-options", field)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"1", b"[" * 10_000, b'{"kind":"swap","kind":"swap"'])
async def test_what_is_not_such_json_is_a_bad_request(daemon: Daemon, body: bytes) -> None:
    answer = await daemon.ask("POST", "/v1/jobs", data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, "bad-request")


async def test_json_without_end_is_refused(daemon: Daemon) -> None:
    answer = await daemon.ask("POST", "/v1/jobs", data=b" " * 70_000, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (413, "request-too-large")


async def test_a_failed_job_carries_the_problem_that_a_refused_request_would_be(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap("fail=no-face-found"))
    assert job["state"] == "failed"
    assert job["problem"]["code"] == "no-face-found"
    assert job["problem"]["status"] == 422
    assert job["problem"]["role"] == "target"
    assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")).code == "job-finished"


async def test_an_error_nobody_planned_for_fails_its_job_and_tells_no_secret(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap("crash"))
    assert job["problem"]["code"] == "internal-error"
    assert job["problem"]["incident"]
    assert "secret" not in str(job)
    assert (await daemon.finished(await daemon.swap()))["state"] == "done"


# ── order ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_an_interactive_job_goes_before_a_batch(daemon: Daemon) -> None:
    first = await daemon.until(await daemon.swap("gate=gate"), "running")
    batch = await daemon.swap(priority="batch")
    person = await daemon.swap()
    open_gate(daemon)
    batch, person = await daemon.finished(batch), await show(daemon, person)
    assert first["created_at"] <= batch["created_at"] <= person["created_at"]
    assert person["finished_at"] <= batch["started_at"]


async def test_jobs_of_one_priority_are_done_in_the_order_they_came(daemon: Daemon) -> None:
    jobs = [await daemon.swap(seed=number) for number in range(4)]
    done = [await daemon.finished(job) for job in jobs]
    starts = [job["started_at"] for job in done]
    assert starts == sorted(starts)


async def test_a_paused_queue_starts_nothing_until_it_is_resumed(daemon: Daemon) -> None:
    paused = await daemon.ask("POST", "/v1/queue/pause")
    assert paused.json == {"queued": 0, "running": 0, "paused": True}
    job = await daemon.swap()
    waited = await daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=0.2")
    assert waited.json["state"] == "queued"
    assert (await daemon.ask("GET", "/v1/health")).json["queue"] == {"queued": 1, "running": 0, "paused": True}
    await daemon.ask("POST", "/v1/queue/resume")
    assert (await daemon.finished(job))["state"] == "done"


async def test_a_pause_is_remembered_by_the_next_daemon(open_daemon: OpenDaemon) -> None:
    async with open_daemon() as daemon:
        await daemon.ask("POST", "/v1/queue/pause")
        settings = (await daemon.ask("GET", "/v1/settings")).json["settings"]
    assert {row["name"]: row["source"] for row in settings}["paused"] == "file"


async def test_a_waiting_job_can_be_moved_before_another_or_to_the_end(daemon: Daemon) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    a, b, c = [(await daemon.swap(seed=number))["id"] for number in range(3)]
    late = (await daemon.swap(priority="batch"))["id"]
    moved = await daemon.ask("POST", f"/v1/jobs/{late}/move", {"before": a})
    assert (moved.status, moved.json["priority"]) == (200, "interactive")
    assert (await daemon.ask("POST", f"/v1/jobs/{b}/move", {"before": None})).status == 200
    await daemon.ask("POST", "/v1/queue/resume")
    await daemon.finished({"id": b, "state": "queued"})
    done = sorted(await jobs_of(daemon), key=lambda job: str(job["started_at"]))
    assert [job["id"] for job in done] == [late, a, c, b]


async def test_waiting_jobs_say_their_place(daemon: Daemon) -> None:
    await daemon.until(await daemon.swap("gate=gate"), "running")
    first, second = await daemon.swap(), await daemon.swap()
    assert first["position"] < second["position"]
    open_gate(daemon)
    assert (await daemon.finished(second))["position"] is None


async def test_only_waiting_jobs_are_moved(daemon: Daemon) -> None:
    running = await daemon.until(await daemon.swap("gate=gate"), "running")
    waiting = await daemon.swap()
    assert (await daemon.ask("POST", f"/v1/jobs/{running['id']}/move", {"before": None})).code == "job-unfinished"
    beyond = await daemon.ask("POST", f"/v1/jobs/{waiting['id']}/move", {"before": running["id"]})
    assert beyond.code == "job-unfinished"
    open_gate(daemon)
    await daemon.finished(waiting)
    assert (await daemon.ask("POST", f"/v1/jobs/{waiting['id']}/move", {"before": None})).code == "job-finished"


async def test_a_full_queue_refuses_and_says_when_to_come_back(open_daemon: OpenDaemon) -> None:
    async with open_daemon(settings={"max_queued": 3, "paused": True}) as daemon:
        name = await daemon.put(png(shade=1))
        body = {"kind": "swap", "target": name, "reference": name}
        answers = await asyncio.gather(*(daemon.ask("POST", "/v1/jobs", body) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [202] * 3 + [429] * 5
        refused = next(answer for answer in answers if answer.status == 429)
        assert refused.code == "queue-full"
        assert int(refused.headers["Retry-After"]) > 0
        assert len(await jobs_of(daemon)) == 3


# ── stopping, repeating, forgetting ──────────────────────────────────────────────────────────────────────


async def test_a_running_job_stops_within_a_step_and_the_worker_lives_on(daemon: Daemon) -> None:
    job = await daemon.at_work(await daemon.swap("gate=never"))
    pid = (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"]
    stopped = await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    assert (stopped.status, stopped.json["state"], stopped.json["problem"]) == (200, "cancelled", None)
    assert (await daemon.ask("GET", "/v1/health")).json["worker"]["pid"] == pid
    again = await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    assert (again.status, again.json["state"]) == (200, "cancelled")


async def test_a_waiting_job_is_cancelled_without_ever_running(daemon: Daemon) -> None:
    running = await daemon.until(await daemon.swap("gate=gate"), "running")
    waiting = await daemon.swap()
    stopped = (await daemon.ask("POST", f"/v1/jobs/{waiting['id']}/cancel")).json
    assert (stopped["state"], stopped["attempts"], stopped["started_at"]) == ("cancelled", 0, None)
    open_gate(daemon)
    assert (await daemon.finished(running))["state"] == "done"


async def test_a_job_that_is_done_cannot_be_cancelled_or_repeated(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    for verb in ("cancel", "retry"):
        answer = await daemon.ask("POST", f"/v1/jobs/{job['id']}/{verb}")
        assert (answer.status, answer.code) == (409, "job-finished")


async def test_a_failed_job_can_be_repeated_and_so_can_a_cancelled_one(daemon: Daemon) -> None:
    failed = await daemon.finished(await daemon.swap("fail=content-blocked"))
    again = await daemon.ask("POST", f"/v1/jobs/{failed['id']}/retry")
    assert (again.status, again.json["state"], again.json["problem"]) == (202, "queued", None)
    assert (await daemon.finished(again.json))["state"] == "failed"
    cancelled = await daemon.until(await daemon.swap("gate=gate"), "running")
    assert (await daemon.ask("POST", f"/v1/jobs/{cancelled['id']}/retry")).code == "job-unfinished"
    await daemon.ask("POST", f"/v1/jobs/{cancelled['id']}/cancel")
    open_gate(daemon)
    assert (await daemon.ask("POST", f"/v1/jobs/{cancelled['id']}/retry")).status == 202
    assert (await daemon.finished(await show(daemon, cancelled)))["state"] == "done"


async def test_a_job_that_many_repeat_at_once_is_queued_once(daemon: Daemon) -> None:
    job = await daemon.at_work(await daemon.swap("gate=gate"))
    await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    open_gate(daemon)
    answers = await asyncio.gather(*(daemon.ask("POST", f"/v1/jobs/{job['id']}/retry") for _ in range(5)))
    assert sorted(answer.status for answer in answers) == [202, 409, 409, 409, 409]
    done = await daemon.finished(job)
    assert (done["state"], done["attempts"]) == ("done", 1)
    assert (await daemon.ask("GET", "/v1/health")).json["queue"]["queued"] == 0


async def test_a_job_that_is_forgotten_while_it_is_repeated_leaves_nothing(daemon: Daemon) -> None:
    job = await daemon.at_work(await daemon.swap("gate=gate"))
    await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    path = f"/v1/jobs/{job['id']}"
    _, gone = await asyncio.gather(daemon.ask("POST", f"{path}/retry"), daemon.ask("DELETE", path))
    assert gone.status == 204
    open_gate(daemon)
    await daemon.finished(await daemon.swap())
    assert job["id"] not in [each["id"] for each in await jobs_of(daemon)]
    assert not (daemon.state / "results" / job["id"]).exists()


async def test_a_forgotten_job_takes_its_picture_along(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    kept = daemon.state / "results" / job["id"]
    assert kept.exists()
    assert (await daemon.ask("DELETE", f"/v1/jobs/{job['id']}")).status == 204
    assert not kept.exists()
    assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).code == "unknown-job"
    assert (await daemon.ask("DELETE", f"/v1/jobs/{job['id']}")).code == "unknown-job"


async def test_forgetting_a_running_job_stops_it(daemon: Daemon) -> None:
    job = await daemon.until(await daemon.swap("gate=never"), "running")
    assert (await daemon.ask("DELETE", f"/v1/jobs/{job['id']}")).status == 204
    assert (await daemon.ask("GET", "/v1/health")).json["queue"]["running"] == 0
    assert await jobs_of(daemon) == []


async def test_all_finished_jobs_are_forgotten_at_once_and_waiting_ones_stay(daemon: Daemon) -> None:
    for _ in range(2):
        await daemon.finished(await daemon.swap())
    await daemon.ask("POST", "/v1/queue/pause")
    waiting = await daemon.swap()
    assert (await daemon.ask("DELETE", "/v1/jobs")).json == {"deleted": 2}
    assert [job["id"] for job in await jobs_of(daemon)] == [waiting["id"]]


async def test_several_jobs_are_forgotten_by_their_names_in_one_request(daemon: Daemon) -> None:
    made = [await daemon.finished(await daemon.swap()) for _ in range(2)]
    named = {"jobs": [made[0]["id"], "gone-long-ago"]}
    assert (await daemon.ask("POST", "/v1/jobs/delete", named)).json == {"deleted": 1}
    assert [job["id"] for job in await jobs_of(daemon)] == [made[1]["id"]]
    too_many = await daemon.ask("POST", "/v1/jobs/delete", {"jobs": ["a"] * 1001})
    assert (too_many.status, too_many.json["field"]) == (400, "jobs")


def store_of(daemon: Daemon) -> JobStore:
    return JobStore(daemon.app[keys.DATABASE], daemon.state)


async def expire(daemon: Daemon, job_id: str) -> None:
    """Let a job's time be over, as the sweeper finds it."""
    store = store_of(daemon)
    job: Job = await store.get(job_id)
    await store.change(replace(job, expires_at=time.time() - 1))
    await store.expire(forget_after_s=3600)
