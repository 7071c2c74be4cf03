"""`daemon.json` is believed while a daemon holds the folder, and not a moment longer."""

import json
from pathlib import Path

import pytest

from mien_api import runtime_file
from mien_api.errors import AlreadyRunning
from mien_api.runtime_file import LOCK, NAME, RuntimeFile, held, is_held, read, remove, write
from mien_core.errors import OutputNotWritable

RUNNING = RuntimeFile(6436, 4242, "0.1.0", "mien_secret")


def test_what_the_daemon_writes_is_read_while_it_holds_the_folder(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with held(state):
        assert is_held(state)
        assert read(state) is None, "it is starting"
        write(state, RUNNING)
        assert read(state) == RUNNING
    assert not is_held(state)
    assert (state / NAME).exists()
    assert read(state) is None, "what a killed daemon left is not believed"


def test_a_new_daemon_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    write(tmp_path, RUNNING)
    with held(tmp_path):
        assert not (tmp_path / NAME).exists()


def test_a_file_that_is_taken_over_between_two_looks_is_not_believed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, RUNNING)

    def take_over(state: Path) -> bool:
        write(state, RuntimeFile(1, 2, "0.1.0", "the next one's"))
        return True

    monkeypatch.setattr(runtime_file, "is_held", take_over)
    assert read(tmp_path) is None


def test_the_token_is_this_users_alone(tmp_path: Path) -> None:
    with held(tmp_path / "state"):
        write(tmp_path / "state", RUNNING)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700
    assert (tmp_path / "state" / NAME).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "state" / LOCK).stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"port": 1}', json.dumps({"port": 1, "more": 2}).encode()])
def test_a_file_that_is_not_ours_is_no_daemon(tmp_path: Path, content: bytes) -> None:
    with held(tmp_path):
        (tmp_path / NAME).write_bytes(content)
        assert read(tmp_path) is None


def test_removing_it_twice_is_no_error(tmp_path: Path) -> None:
    write(tmp_path, RUNNING)
    remove(tmp_path)
    remove(tmp_path)
    assert not (tmp_path / NAME).exists()


def test_a_second_daemon_is_refused_and_the_firsts_file_stays(tmp_path: Path) -> None:
    with held(tmp_path):
        write(tmp_path, RUNNING)
        with pytest.raises(AlreadyRunning) as refused, held(tmp_path):
            pytest.fail("two daemons on one folder")
        assert refused.value.fields == {"state_dir": str(tmp_path)}
        assert read(tmp_path) == RUNNING


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / LOCK).mkdir()
    with pytest.raises(OutputNotWritable) as refused, held(tmp_path):
        pytest.fail("held without a lock")
    assert refused.value.fields == {"file": str(tmp_path)}


def test_an_error_of_the_daemon_itself_is_not_taken_for_one_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="of its own"), held(tmp_path):
        raise OSError("of its own")
    assert not is_held(tmp_path)
