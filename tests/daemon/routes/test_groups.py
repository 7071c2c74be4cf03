"""Jobs that share a group: listed together, counted, stopped together, and tried again together."""

from typing import Any
from urllib.parse import quote

import pytest

from mien_testing.daemon import png

pytestmark = pytest.mark.slow

Daemon = Any
OpenDaemon = Any
NAME = "Ferien 2026 · 3"
PATH = f"/v1/groups/{quote(NAME)}"


async def post(daemon: Daemon, group: str | None, orders: str = "", token: str | None = None) -> Any:
    more = {"token": token} if token else {}
    name = await daemon.put(png(), **more)
    body = {"kind": "swap", "target": name, "reference": name, "options": {"engine": "flux", "prompt": orders}}
    answer = await daemon.ask("POST", "/v1/jobs", body | ({"group": group} if group else {}), **more)
    assert answer.status == 202, answer.body
    return answer.json


async def test_a_group_is_listed_counted_stopped_and_tried_again(daemon: Daemon) -> None:
    done = await daemon.finished(await post(daemon, NAME))
    failed = await daemon.finished(await post(daemon, NAME, "fail=no-face-found"))
    alone = await post(daemon, None, "gate=never")
    waiting = [await post(daemon, NAME) for _ in range(2)]
    assert (await daemon.ask("GET", PATH)).json == {
        "group": NAME,
        "total": 4,
        "queued": 2,
        "running": 0,
        "done": 1,
        "failed": 1,
        "cancelled": 0,
        "progress": 0.5,
        "next": {"id": waiting[0]["id"], "priority": "interactive", "position": waiting[0]["position"]},
    }
    page = (await daemon.ask("GET", f"/v1/jobs?group={quote(NAME)}&state=queued")).json["jobs"]
    assert [job["id"] for job in page] == [job["id"] for job in reversed(waiting)]
    assert {job["group"] for job in page} == {NAME}
    stopped = (await daemon.ask("POST", f"{PATH}/cancel")).json
    assert (stopped["cancelled"], stopped["done"], stopped["failed"]) == (2, 1, 1)
    assert (await daemon.ask("GET", f"/v1/jobs/{alone['id']}")).json["state"] in {"queued", "running"}
    await daemon.ask("POST", f"/v1/jobs/{alone['id']}/cancel")
    await daemon.ask("POST", "/v1/queue/pause")
    again = await daemon.ask("POST", f"{PATH}/retry")
    assert again.status == 202
    assert (again.json["queued"], again.json["done"]) == (3, 1)
    order = (await daemon.ask("GET", f"/v1/jobs?group={quote(NAME)}&state=queued")).json["jobs"]
    places = {job["id"]: job["position"] for job in order}
    assert sorted(places, key=lambda each: places[each]) == [failed["id"], *(job["id"] for job in waiting)]
    assert done["group"] == NAME


async def test_a_running_job_of_a_group_is_stopped_too_and_its_progress_counts(daemon: Daemon) -> None:
    running = await daemon.at_work(await post(daemon, NAME, "gate=never"))
    await post(daemon, NAME)
    shown = (await daemon.ask("GET", PATH)).json
    assert (shown["running"], shown["queued"]) == (1, 1)
    assert shown["progress"] == pytest.approx(running["progress"] / 2, abs=0.26)
    stopped = (await daemon.ask("POST", f"{PATH}/cancel")).json
    assert (stopped["cancelled"], stopped["progress"]) == (2, 1)


async def test_a_client_sees_its_own_groups_alone(daemon: Daemon) -> None:
    token = await daemon.token("swap")
    await post(daemon, NAME)
    await post(daemon, "theirs", token=token)
    told = (await daemon.ask("GET", "/v1/groups", token=token)).json["groups"]
    assert [group["group"] for group in told] == ["theirs"]
    assert (await daemon.ask("POST", f"{PATH}/cancel", token=token)).json["code"] == "unknown-job"
    every = (await daemon.ask("GET", "/v1/groups")).json["groups"]
    assert [group["group"] for group in every] == ["theirs", NAME]


async def test_what_waits_of_a_group_goes_before_another_job_in_its_order(daemon: Daemon) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    alone, other = await post(daemon, None), await post(daemon, "other")
    ours = [await post(daemon, NAME) for _ in range(2)]
    moved = await daemon.ask("POST", f"{PATH}/move", {"before": alone["id"]})
    assert moved.json["next"]["id"] == ours[0]["id"]
    assert await waiting_ids(daemon) == [ours[0]["id"], ours[1]["id"], alone["id"], other["id"]]
    await daemon.ask("POST", f"{PATH}/move", {"before": None})
    assert await waiting_ids(daemon) == [alone["id"], other["id"], ours[0]["id"], ours[1]["id"]]
    own = await daemon.ask("POST", f"{PATH}/move", {"before": ours[1]["id"]})
    assert (own.code, own.json["field"]) == ("bad-request", "before")
    assert (await daemon.ask("POST", "/v1/groups/none/move", {"before": None})).code == "unknown-job"
    await daemon.ask("POST", f"{PATH}/cancel")
    assert (await daemon.ask("POST", f"{PATH}/move", {"before": None})).code == "job-finished"


async def waiting_ids(daemon: Daemon) -> list[str]:
    jobs = (await daemon.ask("GET", "/v1/jobs?state=queued")).json["jobs"]
    return [job["id"] for job in sorted(jobs, key=lambda job: job["position"])]


async def test_what_has_no_room_is_refused_and_what_had_room_waits(open_daemon: OpenDaemon) -> None:
    async with open_daemon(settings={"max_queued": 3, "paused": True}) as daemon:
        for _ in range(3):
            await post(daemon, NAME)
        await daemon.ask("POST", f"{PATH}/cancel")
        await post(daemon, None)
        refused = await daemon.ask("POST", f"{PATH}/retry")
        assert (refused.status, refused.json["code"]) == (429, "queue-full")
        assert (await daemon.ask("GET", PATH)).json["queued"] == 2


@pytest.mark.parametrize("name", ["", "a/b", "a\\b", "a%b", "a?b", "a\nb", "x" * 101])
async def test_a_name_that_is_no_part_of_a_path_is_refused(name: str, daemon: Daemon) -> None:
    body = {"kind": "restore", "target": f"sha256:{'0' * 64}", "group": name}
    answer = await daemon.ask("POST", "/v1/jobs", body)
    assert (answer.status, answer.json["code"]) == (400, "bad-request")


async def test_the_same_key_and_body_are_the_same_job_with_a_group_and_without(daemon: Daemon) -> None:
    name = await daemon.put(png())
    body = {"kind": "restore", "target": name}
    headers = {"Idempotency-Key": "monday"}
    first = (await daemon.ask("POST", "/v1/jobs", body, headers=headers)).json
    assert (await daemon.ask("POST", "/v1/jobs", body | {"group": None}, headers=headers)).json["id"] == first["id"]
    other = await daemon.ask("POST", "/v1/jobs", body | {"group": NAME}, headers=headers)
    assert other.json["code"] == "idempotency-key-reused"
