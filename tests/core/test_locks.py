"""One process at a time, and a way to tell it to stop."""

import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mien_core import locks
from mien_core.locks import LockHeldError, StopSignal, exclusively, exclusively_or_not_at_all, is_held

HOLD = """
import sys
import time
from pathlib import Path
from mien_core.locks import exclusively
with exclusively(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def held_elsewhere(path: Path) -> Generator[subprocess.Popen[bytes]]:
    """Another process has the lock."""
    command = [sys.executable, "-c", HOLD, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"held\n"
        try:
            yield process
        finally:
            process.kill()


class GiveUpError(Exception):
    pass


def give_up() -> None:
    raise GiveUpError


def test_another_process_waits_until_it_gives_up(tmp_path: Path) -> None:
    path = tmp_path / "locks" / "one"
    with held_elsewhere(path), pytest.raises(GiveUpError), exclusively(path, give_up):
        pytest.fail("two have the lock")


def test_waiting_ends_when_the_holder_dies(tmp_path: Path) -> None:
    path = tmp_path / "one"
    asked: list[int] = []
    with held_elsewhere(path) as holder:

        def kill_it() -> None:
            asked.append(1)
            holder.kill()
            holder.wait()

        with exclusively(path, kill_it):
            assert is_held(path)
    assert asked == [1]


def test_a_lock_that_another_has_is_asked_for_several_times_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, waits = tmp_path / "one", list[float]()
    monkeypatch.setattr(time, "sleep", waits.append)

    def give_up_later() -> None:
        if len(waits) == 3:
            raise GiveUpError

    with held_elsewhere(path), pytest.raises(GiveUpError), exclusively(path, give_up_later):
        pytest.fail("two have the lock")
    assert 0 < sum(waits) < 1


def test_a_lock_is_free_again_afterwards_whatever_happened(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with pytest.raises(GiveUpError), exclusively(path):
        raise GiveUpError
    with exclusively(path, give_up):
        pass
    assert not is_held(path)


def test_two_locks_do_not_know_of_each_other(tmp_path: Path) -> None:
    with exclusively(tmp_path / "one", give_up), exclusively(tmp_path / "two", give_up):
        assert is_held(tmp_path / "one")
    assert not is_held(tmp_path / "one")


def test_a_lock_that_was_never_taken_is_free(tmp_path: Path) -> None:
    assert not is_held(tmp_path / "absent")
    assert list(tmp_path.iterdir()) == [], "asking makes no file"


def test_asking_takes_nothing_away(tmp_path: Path) -> None:
    path = tmp_path / "one"
    with exclusively(path):
        pass
    assert not is_held(path)
    assert not is_held(path)
    with exclusively(path):
        assert is_held(path)
        assert is_held(path)


def test_a_lock_file_is_this_users_alone(tmp_path: Path) -> None:
    with exclusively(tmp_path / "one"), exclusively_or_not_at_all(tmp_path / "two"):
        pass
    assert [path.stat().st_mode & 0o777 for path in tmp_path.iterdir()] == [0o600, 0o600]


def test_a_lock_that_another_has_is_refused_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []
    monkeypatch.setattr(time, "sleep", waits.append)
    path = tmp_path / "one"
    with held_elsewhere(path), pytest.raises(LockHeldError), exclusively_or_not_at_all(path):
        pytest.fail("two have the lock")
    assert 0 < sum(waits) < 0.5


def test_a_program_that_only_asked_is_not_taken_for_a_holder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`is_held` has the lock for microseconds."""
    path = tmp_path / "one"
    asking = exclusively(path)
    asking.__enter__()

    def let_go(_: float) -> None:
        asking.__exit__(None, None, None)

    monkeypatch.setattr(time, "sleep", let_go)
    with exclusively_or_not_at_all(path):
        assert is_held(path)


def test_a_lock_without_its_folder_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), exclusively_or_not_at_all(tmp_path / "absent" / "one"):
        pytest.fail("the folder was made")


def test_a_disk_without_locks_has_none_that_are_held(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: int) -> bool:
        raise OSError("no locks available")

    (tmp_path / "one").touch()
    monkeypatch.setattr(locks, "_try_lock", refuse)
    assert not is_held(tmp_path / "one")
    with pytest.raises(OSError, match="no locks"), exclusively(tmp_path / "one"):
        pytest.fail("nothing guards this")


# ── the signal ───────────────────────────────────────────────────────────────────────────────────────────────


def test_those_that_looked_before_see_that_it_was_sent(tmp_path: Path) -> None:
    signal = StopSignal(tmp_path / "new" / "locks" / "stop")
    assert signal.latest() == ""
    signal.send()
    first = signal.latest()
    signal.send()
    assert signal.latest() not in {"", first}
    assert StopSignal(signal.path).latest() == signal.latest()
    assert list(signal.path.parent.iterdir()) == [signal.path]


def test_a_lock_whose_file_its_holder_removes_is_held_by_one(tmp_path: Path) -> None:
    """A program that opened the file before it was removed must not hold what no other sees."""
    path = tmp_path / "lock"
    with exclusively_or_not_at_all(path):
        path.unlink()
        with exclusively_or_not_at_all(path), pytest.raises(LockHeldError), exclusively_or_not_at_all(path):
            pass
