"""A job is told about as it goes, listed in pages, and its result is kept for its time."""

import asyncio
import hashlib
import time
from dataclasses import replace
from typing import Any

import pytest

from mien_daemon import keys
from mien_daemon.jobs.job import Job
from mien_daemon.jobs.store import JobStore
from mien_daemon.state.database import Database
from mien_testing.daemon import find_one_face, png

pytestmark = pytest.mark.slow

Daemon = Any
OpenDaemon = Any


async def jobs_of(daemon: Daemon, query: str = "") -> list[Any]:
    page: list[Any] = (await daemon.ask("GET", f"/v1/jobs{query}")).json["jobs"]
    return page


async def show(daemon: Daemon, job: Any) -> Any:
    return (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).json


def open_gate(daemon: Daemon, name: str = "gate") -> None:
    (daemon.state / name).touch()


# ── watching ─────────────────────────────────────────────────────────────────────────────────────────────


async def test_progress_only_grows_and_names_its_stage(daemon: Daemon) -> None:
    job = await daemon.swap("steps=4")
    seen: list[Any] = []
    while job["state"] in {"queued", "running"}:
        job = (await daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=20")).json
        seen.append(job)
    fractions = [each["progress"] for each in seen]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert {each["stage"] for each in seen if each["state"] != "running"} == {None}


async def test_the_second_job_of_a_kind_knows_how_long_it_will_take(daemon: Daemon) -> None:
    await daemon.finished(await daemon.swap())
    job = await daemon.at_work(await daemon.swap("gate=gate"))
    assert job["eta_s"] is not None
    open_gate(daemon)
    assert (await daemon.finished(job))["eta_s"] is None


async def test_a_poll_is_held_until_something_changes(daemon: Daemon) -> None:
    job = await daemon.until(await daemon.swap("gate=gate"), "running")
    known = await daemon.ask("GET", f"/v1/jobs/{job['id']}")
    poll = asyncio.create_task(
        daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=20", headers={"If-None-Match": known.headers["ETag"]})
    )
    open_gate(daemon)
    answer = await poll
    assert answer.status == 200
    assert answer.headers["ETag"] != known.headers["ETag"]


async def test_a_poll_for_something_else_than_is_known_is_answered_at_once(daemon: Daemon) -> None:
    job = await daemon.until(await daemon.swap("gate=gate"), "running")
    old = {"If-None-Match": '"of-long-ago"'}
    async with asyncio.timeout(10):
        answer = await daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=20", headers=old)
    assert answer.json["state"] == "running"


async def test_a_poll_that_saw_nothing_new_says_so(daemon: Daemon) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    job = await daemon.swap()
    known = {"If-None-Match": (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).headers["ETag"]}
    answer = await daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=0.1", headers=known)
    assert (answer.status, answer.body) == (304, b"")


async def test_a_poll_of_a_client_that_is_revoked_meanwhile_learns_nothing(daemon: Daemon, picture: bytes) -> None:
    made = (await daemon.ask("POST", "/v1/tokens", {"name": "batch", "scope": "swap"})).json
    await daemon.ask("POST", "/v1/queue/pause")
    name = await daemon.put(picture, token=made["token"])
    asked = {"kind": "swap", "target": name, "reference": name}
    job = (await daemon.ask("POST", "/v1/jobs", asked, token=made["token"])).json
    held = asyncio.create_task(daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=20", token=made["token"]))
    await daemon.eventually(lambda: daemon.app[keys.EVENTS].waiting > 1)
    await daemon.ask("DELETE", f"/v1/clients/{made['id']}")
    await daemon.ask("POST", f"/v1/jobs/{job['id']}/cancel")
    assert (await held).code == "unpaired"


async def test_a_poll_for_a_finished_job_is_not_held(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    async with asyncio.timeout(10):
        assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}?wait=20")).json["state"] == "done"


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "soon", "1&wait=2", "1&until=2"])
async def test_a_wait_that_is_none_is_refused(daemon: Daemon, wait: str) -> None:
    job = await daemon.swap()
    answer = await daemon.ask("GET", f"/v1/jobs/{job['id']}?wait={wait}")
    assert (answer.status, answer.code) == (400, "bad-request")


async def test_the_list_comes_in_pages_newest_first(daemon: Daemon) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    made = [(await daemon.swap(seed=number))["id"] for number in range(5)]
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await daemon.ask("GET", f"/v1/jobs?limit=2{cursor}")).json
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        cursor = f"&cursor={page['next']}"
    assert seen == made[::-1]


async def test_the_list_can_be_narrowed_to_states(daemon: Daemon) -> None:
    failed = await daemon.finished(await daemon.swap("fail=no-face-found"))
    done = await daemon.finished(await daemon.swap())
    assert [job["id"] for job in await jobs_of(daemon, "?state=failed")] == [failed["id"]]
    assert [job["id"] for job in await jobs_of(daemon, "?state=done,failed")] == [done["id"], failed["id"]]
    assert (await daemon.ask("GET", "/v1/jobs?state=odd")).json["field"] == "state"


# ── results ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_result_is_known_by_its_hash_and_not_sent_twice(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    path = f"/v1/jobs/{job['id']}/result"
    whole = await daemon.ask("GET", path)
    tag = f'"{hashlib.sha256(whole.body).hexdigest()}"'
    assert whole.headers["ETag"] == tag
    assert whole.headers["X-Content-Type-Options"] == "nosniff"
    assert whole.headers["Cache-Control"] == "no-store"
    assert whole.headers["Content-Type"] == "image/png"
    assert whole.headers["Content-Disposition"] == f'attachment; filename="mien-{job["id"][:12]}.png"'
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        again = await daemon.ask("GET", path, headers={"If-None-Match": known})
        assert (again.status, again.body) == (304, b"")
    assert (await daemon.ask("GET", path, headers={"If-None-Match": '"other"'})).status == 200


async def test_a_result_is_saved_under_the_name_that_the_person_saw(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(daemon.app[keys.WORKERS], "find_faces", find_one_face)
    about = {"picture": await daemon.put(png()), "name": "Zoë", "basis": "self", "adult": True}
    person = (await daemon.ask("POST", "/v1/references", about)).json
    name = await daemon.put(png())
    asked = {"kind": "swap", "target": name, "reference": f"ref:{person['id']}", "options": {"engine": "flux"}}
    ask = {**asked, "label": {"target": "holiday.jpg"}}
    job = await daemon.finished((await daemon.ask("POST", "/v1/jobs", ask)).json)
    sent = await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")
    said = "attachment; filename=\"Zoe - holiday.png\"; filename*=UTF-8''Zo%C3%AB%20-%20holiday.png"
    assert sent.headers["Content-Disposition"] == said


async def test_a_range_of_a_result_is_sent_alone(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    path = f"/v1/jobs/{job['id']}/result"
    whole = (await daemon.ask("GET", path)).body
    size = len(whole)
    for asked, part in {
        "bytes=0-3": whole[:4],
        "bytes=4-": whole[4:],
        "bytes=-5": whole[-5:],
        f"bytes=0-{size * 2}": whole,
    }.items():
        answer = await daemon.ask("GET", path, headers={"Range": asked})
        assert (answer.status, answer.body) == (206, part)
        assert answer.headers["Content-Range"].endswith(f"/{size}")
    for asked in (f"bytes={size}-", "bytes=5-2", "bytes=-0", "bytes=-", "bytes=0-1,3-4", "pages=1-2"):
        answer = await daemon.ask("GET", path, headers={"Range": asked})
        assert (answer.status, answer.code) == (416, "range-not-satisfiable")
        assert answer.headers["Content-Range"] == f"bytes */{size}"
    other = await daemon.ask("GET", path, headers={"Range": "bytes=0-3", "If-Range": '"other"'})
    assert (other.status, other.body) == (200, whole)


async def test_a_result_is_not_there_before_the_job_is_done(daemon: Daemon) -> None:
    job = await daemon.until(await daemon.swap("gate=never"), "running")
    answer = await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")
    assert (answer.status, answer.code) == (409, "job-unfinished")


async def test_a_result_is_gone_after_its_time_and_the_job_still_known(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    await expire(daemon, job["id"])
    answer = await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")
    assert (answer.status, answer.code) == (410, "job-expired")
    assert (await show(daemon, job))["state"] == "done"
    assert not (daemon.state / "results" / job["id"]).exists()


async def test_the_small_picture_of_a_result_was_made_with_it_and_goes_with_it(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    small = daemon.state / "thumbnails" / job["id"]
    path = f"/v1/jobs/{job['id']}/preview?side=400"
    assert (await daemon.ask("GET", path)).body == small.read_bytes()
    stranger = await daemon.ask("GET", path, token=await daemon.token("swap"))
    assert (stranger.status, stranger.code) == (404, "unknown-job")
    await expire(daemon, job["id"])
    assert not small.exists()
    assert (await daemon.ask("GET", path)).code == "job-expired"


async def test_a_result_with_a_star_has_no_end_and_without_one_its_time_begins_anew(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    path = f"/v1/jobs/{job['id']}/star"
    starred = (await daemon.ask("POST", path, {"starred": True})).json
    assert (starred["starred"], starred["expires_at"]) == (True, None)
    assert (await show(daemon, job)) == starred
    plain = (await daemon.ask("POST", path, {"starred": False})).json
    assert plain["starred"] is False
    assert plain["expires_at"] >= job["expires_at"]


async def test_a_shorter_keep_for_also_shortens_the_time_of_what_is_there(daemon: Daemon) -> None:
    job = await daemon.finished(await daemon.swap())
    assert (await daemon.ask("PUT", "/v1/settings", {"keep_results_s": 60})).status == 200
    after = await show(daemon, job)
    assert after["expires_at"] < job["expires_at"]
    assert after["expires_at"][:15] <= time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 61))


async def test_pictures_stay_while_a_job_needs_them_and_go_when_none_does(daemon: Daemon) -> None:
    store, blobs = store_of(daemon), daemon.app[keys.BLOBS]
    job = await daemon.finished(await daemon.swap())
    digest = job["target"].removeprefix("sha256:")
    long_ago = "UPDATE blobs SET used_at = 0"
    database: Database = daemon.app[keys.DATABASE]
    await database.write(lambda db: db.execute(long_ago))
    await blobs.sweep()
    assert blobs.path(digest).exists()
    await store.delete(job["id"])
    await blobs.sweep()
    assert not blobs.path(digest).exists()
    assert (await daemon.ask("GET", f"/v1/blobs/{job['target']}")).code == "unknown-blob"


async def test_nothing_is_taken_when_the_disk_is_nearly_full(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    name = await daemon.put(png(shade=1))
    monkeypatch.setattr("mien_daemon.pictures.blobs.HEADROOM_SHARE", 1.0)
    upload = await daemon.ask("PUT", f"/v1/blobs/{name}", data=png(shade=1))
    posted = await daemon.ask("POST", "/v1/jobs", {"kind": "swap", "target": name, "reference": name})
    for answer in (upload, posted):
        assert (answer.status, answer.code) == (507, "disk-full")
        assert answer.json["free_bytes"] < answer.json["needed_bytes"]


def store_of(daemon: Daemon) -> JobStore:
    return JobStore(daemon.app[keys.DATABASE], daemon.state)


async def expire(daemon: Daemon, job_id: str) -> None:
    """Let a job's time be over, as the sweeper finds it."""
    store = store_of(daemon)
    job: Job = await store.get(job_id)
    await store.change(replace(job, expires_at=time.time() - 1))
    await store.expire(forget_after_s=3600)
