"""A daemon is started, watched and started again; one that was stopped on purpose stays stopped."""

import os
import signal
import socket
from collections.abc import Generator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from mien_api import runtime_file
from mien_api.folders import Folders
from mien_api.runtime_file import RuntimeFile
from mien_api.start_daemon import START_S
from mien_tray.status import DaemonState, Phase, Reason
from mien_tray.supervisor import DELAYS_S, TRIES, WINDOW_S, DaemonProcess, Supervisor


@dataclass
class FakeDaemon:
    """A daemon without a process: ready, dead or ended when the test says so."""

    folders: Folders
    pid: int = 4242
    why: Reason | None = None
    cleanly: bool = False
    killed: bool = False
    lock: AbstractContextManager[None] | None = None

    def ready(self) -> None:
        self.lock = runtime_file.held(self.folders.state)
        self.lock.__enter__()
        runtime_file.write(self.folders.state, RuntimeFile(6436, self.pid, "0", "token"))

    def die(self, why: Reason) -> None:
        """Without a chance to tidy up."""
        self.why = why
        self.let_go()

    def end(self) -> None:
        runtime_file.remove(self.folders.state)
        self.why, self.cleanly = Reason("ended", {"status": 0}), True
        self.let_go()

    def let_go(self) -> None:
        if self.lock is not None:
            self.lock.__exit__(None, None, None)
            self.lock = None

    def ended(self) -> Reason | None:
        return self.why

    def ended_cleanly(self) -> bool:
        return self.cleanly

    def kill(self) -> None:
        self.killed = True


DIED = Reason("ended", {"status": -9})


@dataclass
class World:
    """A state folder, a clock that only moves when told to, and every daemon that was started."""

    folders: Folders
    now: float = 1000.0
    started: list[FakeDaemon] = field(default_factory=list[FakeDaemon])
    refusal: OSError | None = None

    def launch(self, folders: Folders) -> FakeDaemon:
        if self.refusal is not None:
            raise self.refusal
        self.started.append(FakeDaemon(folders))
        return self.started[-1]

    def supervisor(self) -> Supervisor:
        return Supervisor(self.folders, self.launch, clock=lambda: self.now)


@pytest.fixture
def world(tmp_path: Path) -> Generator[World]:
    made = World(Folders.find(tmp_path / "state", tmp_path / "models"))
    yield made
    for daemon in made.started:
        daemon.let_go()


def test_a_daemon_is_started_once_and_waited_for(world: World) -> None:
    supervisor = world.supervisor()
    assert [supervisor.check().phase for _ in range(3)] == [Phase.STARTING] * 3
    world.started[0].ready()
    assert supervisor.check() == DaemonState(Phase.RUNNING)
    assert supervisor.running == RuntimeFile(6436, 4242, "0", "token")
    assert len(world.started) == 1


def test_a_daemon_that_runs_already_is_used_as_it_is(world: World) -> None:
    somebodys = FakeDaemon(world.folders)
    somebodys.ready()
    assert world.supervisor().check().phase is Phase.RUNNING
    assert world.started == []
    somebodys.let_go()


def test_while_another_daemon_is_starting_none_is_started(world: World) -> None:
    with runtime_file.held(world.folders.state):
        assert world.supervisor().check().phase is Phase.STARTING
    assert world.started == []


def test_a_daemon_that_dies_is_started_again_after_a_growing_delay_and_not_for_ever(world: World) -> None:
    supervisor = world.supervisor()
    for number in range(1, TRIES):
        supervisor.check()
        world.started[-1].die(DIED)
        assert supervisor.check() == DaemonState(Phase.WAITING, DIED, number)
        delay = DELAYS_S[number - 1]
        assert supervisor.due_in_s == delay
        world.now += delay - 0.01
        assert supervisor.check().phase is Phase.WAITING
        assert len(world.started) == number
        world.now += 0.02
        assert supervisor.check().phase is Phase.STARTING
    world.started[-1].die(DIED)
    assert supervisor.check() == DaemonState(Phase.FAILED, DIED, TRIES)
    world.now += 3600
    assert supervisor.check().phase is Phase.FAILED
    assert len(world.started) == TRIES


def test_the_person_may_have_it_tried_again_with_every_try_it_had_at_first(world: World) -> None:
    supervisor = world.supervisor()
    for _ in range(TRIES):
        supervisor.check()
        world.started[-1].die(DIED)
        supervisor.check()
        world.now += max(DELAYS_S)
    assert supervisor.check().phase is Phase.FAILED
    supervisor.start()
    assert supervisor.check().phase is Phase.STARTING
    world.started[-1].die(DIED)
    assert supervisor.check() == DaemonState(Phase.WAITING, DIED, 1)


def test_deaths_of_long_ago_are_forgiven(world: World) -> None:
    supervisor = world.supervisor()
    for _ in range(3 * TRIES):
        supervisor.check()
        world.started[-1].ready()
        assert supervisor.check().phase is Phase.RUNNING
        world.now += WINDOW_S + 1
        supervisor.check()
        world.started[-1].die(DIED)
        assert supervisor.check() == DaemonState(Phase.WAITING, DIED, 1)
        world.now += DELAYS_S[0]


def test_a_daemon_that_ends_cleanly_was_stopped_on_purpose(world: World) -> None:
    supervisor = world.supervisor()
    supervisor.check()
    world.started[0].ready()
    supervisor.check()
    world.started[0].end()
    assert supervisor.check() == DaemonState(Phase.STOPPED)
    world.now += 3600
    assert supervisor.check() == DaemonState(Phase.STOPPED)
    assert len(world.started) == 1


def test_somebody_elses_daemon_that_ends_cleanly_was_stopped_on_purpose(world: World) -> None:
    somebodys = FakeDaemon(world.folders)
    somebodys.ready()
    supervisor = world.supervisor()
    supervisor.check()
    somebodys.end()
    assert supervisor.check() == DaemonState(Phase.STOPPED)


def test_somebody_elses_daemon_that_was_killed_is_replaced(world: World) -> None:
    """It left its file behind."""
    somebodys = FakeDaemon(world.folders)
    somebodys.ready()
    supervisor = world.supervisor()
    supervisor.check()
    somebodys.die(DIED)
    assert supervisor.check() == DaemonState(Phase.WAITING, Reason("killed"), 1)
    world.now += DELAYS_S[0]
    assert supervisor.check().phase is Phase.STARTING
    assert len(world.started) == 1


def test_a_file_left_behind_before_the_tray_came_is_no_death(world: World) -> None:
    long_gone = FakeDaemon(world.folders)
    long_gone.ready()
    long_gone.die(DIED)
    assert world.supervisor().check() == DaemonState(Phase.STARTING)
    assert len(world.started) == 1


def test_a_daemon_stopped_by_hand_that_comes_back_is_noticed(world: World) -> None:
    supervisor = world.supervisor()
    supervisor.check()
    world.started[0].ready()
    supervisor.check()
    world.started[0].end()
    supervisor.check()
    other = FakeDaemon(world.folders, pid=77)
    other.ready()
    assert supervisor.check().phase is Phase.RUNNING
    other.let_go()


def test_a_daemon_that_never_gets_ready_is_ended(world: World) -> None:
    supervisor = world.supervisor()
    supervisor.check()
    world.now += START_S + 1
    assert supervisor.check() == DaemonState(Phase.WAITING, Reason("silent"), 1)
    assert world.started[0].killed


def test_a_daemon_that_takes_its_time_to_stop_after_a_long_life_is_left_alone(world: World) -> None:
    supervisor = world.supervisor()
    supervisor.check()
    world.started[0].ready()
    world.now += 3600
    supervisor.check()
    runtime_file.remove(world.folders.state)  # the first thing it does when it ends
    assert supervisor.check().phase is Phase.STARTING
    assert not world.started[0].killed


def test_a_program_that_cannot_be_started_is_a_reason(world: World) -> None:
    world.refusal = OSError(8, "Exec format error")
    daemon = world.supervisor().check()
    assert daemon == DaemonState(Phase.WAITING, Reason("not_started", {"detail": "Exec format error"}), 1)


def test_stopping_a_daemon_that_is_not_there_is_quick(world: World) -> None:
    assert world.supervisor().stop()


def test_a_real_daemons_own_words_are_the_reason_it_could_not_start(tmp_path: Path) -> None:
    """On a port that is taken."""
    folders = Folders.find(tmp_path / "state", tmp_path / "models")
    folders.state.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (folders.state / "settings.json").write_text(f'{{"port": {port}}}', encoding="utf-8")
        started = DaemonProcess(folders)
        while (why := started.ended()) is None:
            os.waitid(os.P_PID, started.pid, os.WEXITED | os.WNOWAIT)
    assert why.code == "port-in-use"
    assert why.fields["port"] == port
    assert not started.ended_cleanly()


def test_a_daemon_that_says_nothing_has_its_status_and_log_as_the_reason(tmp_path: Path) -> None:
    folders = Folders.find(tmp_path / "state", tmp_path / "models")
    started = DaemonProcess(folders)
    assert started.ended() is None
    started.kill()
    log = str(folders.logs / "daemon.log")
    assert started.ended() == Reason("ended", {"status": -signal.SIGKILL, "log": log})
    assert not started.ended_cleanly()
