"""The state's clock: it counts what passes, and no change of the system's clock makes it jump."""

import sqlite3
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mien_daemon import keys
from mien_daemon.jobs.expiry import FORGET_S
from mien_daemon.state.clock import MOST_OFF_S, WRITE_EVERY_S, StateClock, boot_id, running_s
from mien_daemon.state.connection import connect
from mien_daemon.state.database import Database

DAY_S = 86_400.0
JUMPS = [8 * DAY_S, -8 * DAY_S, 20 * 365 * DAY_S, -40 * 365 * DAY_S, 2 * 3600.0, -2 * 3600.0]


def about(seconds: float) -> Any:
    """The same second; a part in a million of a date would be half an hour."""
    return pytest.approx(seconds, abs=0.01)


@dataclass
class Machine:
    """A machine whose date can be set."""

    date: float = 1_800_000_000.0
    uptime: float = 500.0
    boot: str = "first"

    def pass_(self, seconds: float) -> None:
        self.date += seconds
        self.uptime += seconds

    def start_again(self, off_s: float) -> None:
        self.date += off_s
        self.uptime = 5.0
        self.boot += "+"

    def clock(self) -> StateClock:
        return StateClock(lambda: self.date, lambda: self.uptime, lambda: self.boot)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def db(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    connection = connect(tmp_path / "mien.db")
    yield connection
    connection.close()


def next_daemon(machine: Machine, db: sqlite3.Connection, old: StateClock | None = None) -> StateClock:
    if old:
        old.write_down(db, at_once=True)
    new = machine.clock()
    new.resume(db)
    return new


def test_the_counter_of_this_machine_grows_and_its_start_has_a_name() -> None:
    assert 0 < running_s() <= running_s()
    assert boot_id() == boot_id()


def test_without_a_jump_it_says_what_the_systems_clock_says(machine: Machine, db: sqlite3.Connection) -> None:
    clock = machine.clock()
    machine.pass_(3600)
    clock = next_daemon(machine, db, clock)
    clock.write_down(db, at_once=True)
    machine.start_again(off_s=DAY_S / 2)
    clock = next_daemon(machine, db)
    machine.pass_(60)
    clock.look()
    assert clock.now() == about(machine.date)
    assert (clock.jumps, clock.ahead_s, clock.show(5.0), clock.show(None)) == ([], 0.0, 5.0, None)


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_while_the_daemon_runs_changes_nothing_but_what_is_shown(machine: Machine, jump: float) -> None:
    clock = machine.clock()
    before = clock.now()
    machine.pass_(10)
    machine.date += jump
    clock.look()
    assert clock.now() == about(before + 10)
    assert clock.show(clock.now()) == about(machine.date)
    assert clock.jumps == [about(jump)]
    machine.date -= jump
    clock.look()
    assert clock.show(before) == about(before)
    assert clock.jumps == [about(jump), about(-jump)]


@pytest.mark.parametrize("jump", JUMPS)
def test_a_jump_between_two_daemons_counts_only_what_passed(
    machine: Machine, db: sqlite3.Connection, jump: float
) -> None:
    first = machine.clock()
    before = first.now()
    first.write_down(db)
    machine.pass_(30)
    machine.date += jump
    second = next_daemon(machine, db)
    assert second.now() == about(before + 30)
    assert second.jumps == [about(jump)]
    third = next_daemon(machine, db, second)
    assert (third.now(), third.jumps) == (about(before + 30), [])


@pytest.mark.parametrize(("off_s", "counted_s"), [(3600.0, 3600.0), (400 * DAY_S, MOST_OFF_S), (-5 * DAY_S, 0.0)])
def test_of_the_time_a_machine_was_off_at_most_a_day_counts(
    machine: Machine, db: sqlite3.Connection, off_s: float, counted_s: float
) -> None:
    first = machine.clock()
    before = first.now()
    first.write_down(db)
    machine.start_again(off_s)
    assert next_daemon(machine, db).now() == about(before + counted_s)


def test_where_the_start_of_the_machine_has_no_name_the_lesser_of_both_counts(
    machine: Machine, db: sqlite3.Connection
) -> None:
    machine.boot = ""
    first = machine.clock()
    before = first.now()
    first.write_down(db)
    machine.pass_(30)
    machine.date += 8 * DAY_S
    assert next_daemon(machine, db).now() == about(before + 30)


@pytest.mark.parametrize("told", [-1e300, 1e300, 1e11, float("inf")])
def test_a_written_time_that_nobody_lived_is_not_believed(
    machine: Machine, db: sqlite3.Connection, told: float
) -> None:
    db.execute("INSERT INTO clock VALUES (1, ?, ?, 1.0, 'first')", (told, machine.date))
    assert next_daemon(machine, db).now() == about(machine.date)


@pytest.mark.parametrize("running", [-1e300, 1e300])
def test_a_written_counter_that_no_machine_had_counts_nothing(
    machine: Machine, db: sqlite3.Connection, running: float
) -> None:
    db.execute("INSERT INTO clock VALUES (1, ?, ?, ?, 'first')", (machine.date - 5, machine.date - 5, running))
    assert next_daemon(machine, db).now() == about(machine.date - 5)


def test_a_database_without_a_written_time_goes_on_from_the_latest_date_in_it(
    machine: Machine, db: sqlite3.Connection
) -> None:
    db.execute("INSERT INTO blobs VALUES ('a', 1, ?, NULL, 1, 1)", (machine.date - 30 * DAY_S,))
    db.execute("INSERT INTO blobs VALUES ('b', 1, ?, NULL, 1, 1)", (machine.date + 30 * DAY_S,))
    assert next_daemon(machine, db).now() == about(machine.date - 29 * DAY_S)


def test_the_time_is_written_down_now_and_then_and_when_it_is_asked_for(
    machine: Machine, db: sqlite3.Connection
) -> None:
    clock, written = machine.clock(), []
    for passed in (0.0, WRITE_EVERY_S - 1, 1.0):
        machine.pass_(passed)
        clock.write_down(db)
        written.append(db.execute("SELECT running FROM clock").fetchone()[0])
    assert written == [500.0, 500.0, 500.0 + WRITE_EVERY_S]


# ── in a daemon ──


@pytest.mark.parametrize("jump", [8 * DAY_S, 400 * DAY_S])
async def test_a_clock_that_is_days_ahead_for_one_sweep_deletes_nothing(
    daemon: Any, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    job = await daemon.finished(await daemon.swap())
    clock = daemon.app[keys.DATABASE].clock
    right = clock._wall
    monkeypatch.setattr(clock, "_wall", lambda: right() + jump)
    await daemon.app[keys.JOB_STORE].expire(FORGET_S)
    await daemon.app[keys.BLOBS].sweep()
    assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")).status == 200
    assert (await daemon.ask("GET", f"/v1/blobs/{job['target']}")).status == 200
    (notice,) = (await daemon.ask("GET", "/v1/health")).json["notices"]
    assert f"ahead by {jump / DAY_S:.0f} days" in notice
    shown = (await daemon.ask("GET", f"/v1/jobs/{job['id']}")).json
    assert shown["expires_at"] > job["expires_at"]


async def test_a_daemon_that_starts_while_the_clock_is_ahead_deletes_nothing(
    open_daemon: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_daemon() as daemon:
        job = await daemon.finished(await daemon.swap())
    right = time.time
    monkeypatch.setattr(StateClock.__init__, "__defaults__", (lambda: right() + 8 * DAY_S, running_s, boot_id))
    async with open_daemon() as daemon:
        await daemon.app[keys.JOB_STORE].expire(FORGET_S)
        assert (await daemon.ask("GET", f"/v1/jobs/{job['id']}/result")).status == 200
        assert "jumped ahead" in str((await daemon.ask("GET", "/v1/health")).json["notices"])
        made = await daemon.ask("POST", "/v1/tokens", {"name": "one", "scope": "swap"})
        assert (await daemon.ask("GET", "/v1/jobs", token=made.json["token"])).status == 200


async def test_what_is_over_by_elapsed_time_is_deleted_though_the_clock_went_back(tmp_path: Path) -> None:
    machine = Machine()
    database = Database(tmp_path, machine.clock())
    sql = "INSERT INTO blobs VALUES ('a', 1, ?, NULL, 1, 1)"
    await database.write(lambda db: db.execute(sql, (database.clock.now(),)))
    machine.pass_(7200)
    machine.date -= 400 * DAY_S
    found = await database.read(
        lambda db: db.execute("SELECT 1 FROM blobs WHERE used_at < ?", (database.clock.now() - 3600,)).fetchone()
    )
    assert found is not None
    database.close()
