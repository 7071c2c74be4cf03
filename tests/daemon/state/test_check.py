"""The state folder is looked at: what does not agree is mended or named, and nothing that a person made is deleted."""

# ruff: noqa: S608 - the statements are the test's own

import json
import os
import shutil
import sqlite3
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mien_api.errors import StateUnavailable
from mien_daemon import keys
from mien_daemon.access.clients import ClientRegistry
from mien_daemon.jobs.expiry import FORGET_S
from mien_daemon.state.check import close_to_others
from mien_testing.broken_rows import BROKEN
from mien_testing.daemon import png

pytestmark = pytest.mark.slow


def break_rows(state: Path, *statements: str) -> None:
    """What another program writes while the daemon runs or not."""
    other = sqlite3.connect(state / "mien.db", isolation_level=None, timeout=10)
    for statement in statements:
        other.execute(statement)
    other.close()


async def check(daemon: Any, *, repair: bool = False) -> Any:
    answer = await daemon.ask("POST", "/v1/state/check", {"repair": repair})
    assert answer.status == 200, answer.body
    return answer.json


async def notices(daemon: Any) -> str:
    return "\n".join((await daemon.ask("GET", "/v1/health")).json["notices"])


# ── broken rows ──


COPY = """INSERT INTO jobs
    (id, owner, kind, state, priority, position, target, reference, options, attempts, created_at,
    started_at, finished_at, expires_at, result, media_type, result_sha256, problem)
    SELECT printf('%024x', ?), owner, kind, state, priority, position, target, reference, options, attempts, created_at,
    started_at, finished_at, expires_at, result, media_type, NULL, problem FROM jobs WHERE number = 1"""
BROKEN_JOBS = [(column, value) for table, column, value in BROKEN if table == "jobs"]


async def test_broken_jobs_are_skipped_named_and_removable_and_everything_else_goes_on(daemon: Any) -> None:
    good = await daemon.finished(await daemon.swap())
    other = sqlite3.connect(daemon.state / "mien.db", isolation_level=None, timeout=10)
    for number, (column, value) in enumerate(BROKEN_JOBS, 2):
        other.execute(COPY, (number,))
        other.execute(f"UPDATE jobs SET {column} = {value} WHERE number = {number}")
    other.close()
    for query in ("", "?limit=1", "?state=done"):
        listed = await daemon.ask("GET", f"/v1/jobs{query}")
        assert (listed.status, [job["id"] for job in listed.json["jobs"]]) == (200, [good["id"]])
    one = await daemon.ask("GET", f"/v1/jobs/{2:024x}")
    assert (one.status, one.code) == (404, "unknown-job")
    await daemon.app[keys.JOB_STORE].expire(FORGET_S)
    await daemon.app[keys.BLOBS].sweep()
    assert (await daemon.finished(await daemon.swap()))["state"] == "done"
    assert "Jobs row 2 (options) of the database cannot be read and is skipped." in await notices(daemon)
    assert (await daemon.ask("GET", "/v1/health")).json["queue"]["queued"] == 0
    found = {each["subject"] for each in (await check(daemon))["findings"]}
    expected = {f"jobs row {number} ({column})" for number, (column, _) in enumerate(BROKEN_JOBS, 2)}
    assert {each for each in found if each.startswith("jobs row")} >= expected
    assert (await check(daemon, repair=True))["ok"]
    lines = (daemon.state / "quarantine" / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line)["column"] for line in lines if '"jobs"' in line] == [column for column, _ in BROKEN_JOBS]
    assert await check(daemon) == {"ok": True, "findings": []}
    assert await notices(daemon) == ""
    assert (await daemon.ask("DELETE", "/v1/jobs")).json == {"deleted": 2}


@pytest.mark.parametrize("value", ["'{'", "CAST(x'ff' AS TEXT)"])
async def test_a_broken_job_can_be_deleted_by_its_owner_and_by_no_other(daemon: Any, value: str) -> None:
    job = await daemon.finished(await daemon.swap())
    break_rows(daemon.state, f"UPDATE jobs SET options = {value}")
    path = f"/v1/jobs/{job['id']}"
    assert (await daemon.ask("DELETE", path, token=await daemon.token("swap"))).status == 404
    assert (await daemon.ask("DELETE", path)).status == 204
    assert (await daemon.ask("DELETE", path)).status == 404
    assert not (daemon.state / "results" / job["id"]).exists()
    assert await notices(daemon) == ""


async def test_the_start_and_its_jobs_go_on_beside_broken_rows(open_daemon: Any, tmp_path: Path) -> None:
    async with open_daemon() as daemon:
        await daemon.ask("POST", "/v1/queue/pause")
        jobs = [await daemon.swap(picture=png(shade=shade)) for shade in (1, 2, 3)]
        for name in ("one", "two"):
            await daemon.ask("POST", "/v1/tokens", {"name": name, "scope": "swap"})
        key = {"Idempotency-Key": "monday"}
        ask = {"kind": "restore", "target": jobs[0]["target"]}
        first = (await daemon.ask("POST", "/v1/jobs", ask, headers=key)).json
    break_rows(
        tmp_path / "state",
        f"UPDATE jobs SET options = '{{' WHERE id IN ('{jobs[0]['id']}', '{first['id']}')",
        f"UPDATE jobs SET priority = 9, position = 1e308 WHERE id = '{jobs[1]['id']}'",
        "UPDATE clients SET name = CAST(x'ff' AS TEXT) WHERE name = 'one'",
        "UPDATE blobs SET used_at = 1e300, format = CAST(x'ff' AS TEXT) WHERE rowid = 1",
    )
    async with open_daemon() as daemon:
        told = await notices(daemon)
        for row in ("Jobs row 1 (options)", "Jobs row 2 (priority)", "Clients row", "Blobs row 1 (used_at)"):
            assert row in told
        clients = (await daemon.ask("GET", "/v1/clients")).json["clients"]
        assert [client["name"] for client in clients] == ["two"]
        again = await daemon.ask("POST", "/v1/jobs", ask, headers=key)
        assert again.status == 202
        assert again.json["id"] != first["id"]
        await daemon.ask("POST", "/v1/queue/resume")
        for job in (jobs[2], again.json, await daemon.swap()):
            assert (await daemon.finished(job))["state"] == "done"
        assert (await check(daemon, repair=True))["ok"]
        assert await check(daemon) == {"ok": True, "findings": []}


async def test_a_row_that_names_a_file_elsewhere_deletes_none(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with open_daemon() as daemon:
        job = await daemon.finished(await daemon.swap())
    (state / "settings.json").write_text("{}")
    break_rows(
        state,
        f"UPDATE jobs SET id = '../settings.json', expires_at = 5 WHERE id = '{job['id']}'",
        "UPDATE blobs SET sha256 = '../../settings.json', used_at = 5",
    )
    async with open_daemon() as daemon:
        await daemon.app[keys.JOB_STORE].expire(FORGET_S)
        await daemon.app[keys.BLOBS].sweep()
        await check(daemon, repair=True)
        assert (state / "settings.json").exists()


# ── files without rows, rows without files ──


async def test_a_database_moved_aside_leaves_no_file_behind_without_a_word(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with open_daemon() as daemon:
        job = await daemon.finished(await daemon.swap())
        result = (state / "results" / job["id"]).read_bytes()
    (state / "mien.db").write_bytes(b"not a database " * 400)
    async with open_daemon() as daemon:
        assert not list((state / "results").iterdir())
        assert (state / "quarantine" / "results" / job["id"]).read_bytes() == result
        assert (await daemon.ask("GET", f"/v1/blobs/{job['target']}")).status == 200, "adopted"
        told = await notices(daemon)
        assert "belongs to no job; it lies in the folder quarantine now" in told
        assert "is in no list; it was taken up" in told
        assert await check(daemon) == {"ok": True, "findings": []}
        assert (state / "quarantine").stat().st_mode & 0o777 == 0o700


STRANGE: dict[str, Callable[[Path], Path]] = {
    "results": lambda state: state / "results" / "holiday.jpg",
    "pictures": lambda state: state / "blobs" / "notes.txt",
    "pictures in a wrong folder": lambda state: state / "blobs" / "zz" / ("0" * 64),
    "damaged pictures": lambda state: state / "blobs" / "00" / ("0" * 64),
}


@pytest.mark.parametrize("kind", STRANGE)
async def test_a_file_that_is_none_of_ours_is_set_aside_and_kept(open_daemon: Any, tmp_path: Path, kind: str) -> None:
    state = tmp_path / "state"
    async with open_daemon():
        pass
    place = STRANGE[kind](state)
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(b"a person's own")
    async with open_daemon() as daemon:
        assert not place.exists()
        (kept,) = [path for path in (state / "quarantine").rglob("*") if path.is_file()]
        assert (kept.name, kept.read_bytes()) == (place.name, b"a person's own")
        assert "quarantine" in await notices(daemon)


async def test_a_second_file_of_a_name_does_not_replace_the_first(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    for number in range(3):
        async with open_daemon():
            pass
        (state / "results" / "same").write_text(str(number))
    async with open_daemon():
        kept = sorted(path.read_text() for path in (state / "quarantine" / "results").iterdir())
    assert kept == ["0", "1", "2"]


async def test_a_link_among_the_results_is_set_aside_and_not_followed(open_daemon: Any, tmp_path: Path) -> None:
    state, elsewhere = tmp_path / "state", tmp_path / "elsewhere"
    elsewhere.write_text("mine")
    async with open_daemon() as daemon:
        job = await daemon.finished(await daemon.swap())
    (state / "results" / job["id"]).unlink()
    (state / "results" / job["id"]).symlink_to(elsewhere)
    async with open_daemon() as daemon:
        assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")).status == 410
    assert elsewhere.read_text() == "mine"


async def test_rows_without_files_say_so_and_their_jobs_go_on(open_daemon: Any, tmp_path: Path) -> None:
    state = tmp_path / "state"
    async with open_daemon() as daemon:
        done = await daemon.finished(await daemon.swap())
        await daemon.ask("POST", "/v1/queue/pause")
        waiting = await daemon.swap(picture=png(shade=7))
    shutil.rmtree(state / "results")
    shutil.rmtree(state / "blobs")
    async with open_daemon() as daemon:
        told = await notices(daemon)
        assert f"The result of job {done['id']} is gone" in told
        answer = await daemon.ask("GET", f"/v1/jobs/{done['id']}/result")
        assert (answer.status, answer.code) == (410, "job-expired")
        await daemon.ask("POST", "/v1/queue/resume")
        ended = await daemon.finished(waiting)
        assert (ended["state"], ended["problem"]["code"]) == ("failed", "unknown-blob")
        assert (await daemon.finished(await daemon.swap(picture=png(shade=7))))["state"] == "done"


async def test_sealed_faces_without_an_index_are_set_aside_and_not_deleted(open_daemon: Any, tmp_path: Path) -> None:
    folder = tmp_path / "state" / "references"
    folder.mkdir(parents=True)
    (tmp_path / "state").chmod(0o700)
    for suffix in (".consent", ".thumbnail", ".picture"):
        (folder / f"0f{suffix}").write_bytes(b"sealed")
    async with open_daemon() as daemon:
        kept = sorted(path.name for path in (tmp_path / "state" / "quarantine" / "references").iterdir())
        assert kept == ["0f.consent", "0f.picture", "0f.thumbnail"]
        assert "is in no index" in await notices(daemon)


async def test_flipped_bytes_are_found_when_a_person_asks(daemon: Any) -> None:
    job = await daemon.finished(await daemon.swap())
    result = daemon.state / "results" / job["id"]
    digest = job["target"].removeprefix("sha256:")
    picture = daemon.state / "blobs" / digest[:2] / digest
    for path in (result, picture):
        data, found = bytearray(path.read_bytes()), path.stat()
        data[len(data) // 2] ^= 0x5A
        path.write_bytes(data)
        os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))
    codes = {each["code"] for each in (await check(daemon))["findings"]}
    assert codes == {"damaged-result", "damaged-picture"}
    assert (await check(daemon, repair=True))["ok"]
    assert await check(daemon) == {"ok": True, "findings": []}
    assert (daemon.state / "quarantine" / "results" / job["id"]).exists()


async def test_only_an_administrator_may_look(daemon: Any) -> None:
    token = await daemon.token("swap")
    assert (await daemon.ask("POST", "/v1/state/check", {}, token=token)).code == "wrong-scope"


# ── open to others ──


@pytest.mark.parametrize("mode", [0o777, 0o755])
async def test_a_state_folder_that_others_may_enter_is_closed_and_said(
    open_daemon: Any, tmp_path: Path, mode: int
) -> None:
    state = tmp_path / "state"
    async with open_daemon():
        pass
    state.chmod(mode)
    (state / "mien.db").chmod(0o666)
    (state / "results").chmod(0o777)
    async with open_daemon() as daemon:
        for path in (state, state / "mien.db", state / "results"):
            assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        told = await notices(daemon)
        assert "Others may enter or change state; only this user may now." in told
        assert "state/mien.db" in told
        (state / "blobs").chmod(0o777)
        found = await check(daemon)
        assert [(each["code"], each["subject"]) for each in found["findings"]] == [("open-to-others", "state/blobs")]
        assert (await check(daemon, repair=True))["ok"]
        assert await notices(daemon) == ""


def test_a_state_folder_of_another_user_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "getuid", lambda: 4242)
    with pytest.raises(StateUnavailable) as refused:
        close_to_others(tmp_path)
    assert refused.value.fields["reason"] == "shared"


async def test_a_client_that_is_called_local_is_not_taken_for_this_user(open_daemon: Any, tmp_path: Path) -> None:
    async with open_daemon() as daemon:
        token = await daemon.token("swap")
    break_rows(tmp_path / "state", "UPDATE clients SET id = 'local', scopes = 'admin'")
    async with open_daemon() as daemon:
        registry: ClientRegistry = daemon.app[keys.CLIENTS]
        assert registry.authenticate(token) is None


async def test_a_key_that_a_crash_left_half_written_goes_at_the_next_check(daemon: Any) -> None:
    for folder in ("keys", "credentials", "."):
        (daemon.state / folder).mkdir(exist_ok=True)
        left = daemon.state / folder / ".signing.pem.0123456789abcdef"
        left.write_bytes(b"half a key")
        os.utime(left, (0, 0))
    await check(daemon, repair=True)
    assert not list(daemon.state.rglob(".signing.pem.*"))
