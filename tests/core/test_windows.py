"""What only Windows needs, driven by calls that answer as its documentation says."""

import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from mien_core.windows import close_to_others, name_terminal, replace_file

NEW = b"new"


def refusal(winerror: int) -> OSError:
    """As Python raises it there: the error's own number is beside `errno`."""
    error = PermissionError(errno.EACCES, "The process cannot access the file because it is being used")
    error.winerror = winerror  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    return error


def refusing(times: int, winerror: int) -> Callable[[Path, Path], None]:
    """`os.replace` while a scanner holds the file: MoveFileExW fails, and a while later does not."""
    refusals = [refusal(winerror)] * times

    def replace(source: Path, target: Path) -> None:
        if refusals:
            raise refusals.pop()
        if target.exists() and not target.stat().st_mode & 0o200:
            raise refusal(5)  # a read-only target
        source.replace(target)

    return replace


def fail(pause_s: float) -> None:
    raise AssertionError("it is not waited for")


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(NEW)
    target.write_bytes(b"old")
    return source, target


@pytest.mark.parametrize("winerror", [5, 32, 33])
def test_a_file_that_is_held_open_for_a_moment_is_replaced_after_it(files: tuple[Path, Path], winerror: int) -> None:
    pauses: list[float] = []
    replace_file(*files, refusing(4, winerror), pauses.append)
    assert files[1].read_bytes() == NEW
    assert pauses == [0.01, 0.02, 0.04, 0.08]


def test_a_file_that_stays_held_open_is_told_after_a_bounded_time(files: tuple[Path, Path]) -> None:
    pauses: list[float] = []
    with pytest.raises(PermissionError) as refused:
        replace_file(*files, refusing(99, 32), pauses.append)
    assert getattr(refused.value, "winerror", None) == 32
    assert sum(pauses) < 6
    assert files[1].read_bytes() == b"old"


def test_any_other_refusal_is_told_at_once(files: tuple[Path, Path]) -> None:
    with pytest.raises(OSError, match="used"):
        replace_file(*files, refusing(1, 112), fail)  # 112: the disk is full


def test_a_read_only_file_is_replaced(files: tuple[Path, Path], tmp_path: Path) -> None:
    files[1].chmod(0o444)
    replace_file(*files, refusing(0, 0), fail)
    assert files[1].read_bytes() == NEW
    files[1].rename(files[0])
    replace_file(files[0], tmp_path / "absent", refusing(0, 0), fail)
    assert (tmp_path / "absent").read_bytes() == NEW


def test_a_folder_is_given_to_its_user_and_the_system_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    asked: list[Sequence[str]] = []

    def icacls(words: Sequence[str]) -> int:
        asked.append(words)
        return 0

    assert close_to_others(tmp_path, {"USERDOMAIN": "HOME", "USERNAME": "ana"}, icacls)
    grants = ["HOME\\ana:(OI)(CI)F", "*S-1-5-18:(OI)(CI)F"]
    assert asked == [["icacls", str(tmp_path), "/inheritance:r", "/grant:r", *grants, "/Q"]]
    assert not caplog.records
    assert not close_to_others(tmp_path, {}, lambda _: 5)
    assert not close_to_others(tmp_path, {}, absent)
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]


def absent(words: Sequence[str]) -> int:
    raise FileNotFoundError(2, "The system cannot find the file specified")


@dataclass
class FakeProcess:
    """As much of `psutil.Process` as is asked; one that has ended raises."""

    pid: int
    called: str | None
    created: float = 1700000000.4

    def name(self) -> str:
        if self.called is None:
            raise ProcessLookupError
        return self.called

    def create_time(self) -> float:
        return self.created


def test_the_terminal_is_the_shell_and_not_the_starter_between() -> None:
    """A person who types two commands made the statement once, although pip's starter is new each time."""
    shell = FakeProcess(7, "powershell.exe")
    first = [FakeProcess(100, "python.exe"), FakeProcess(101, "Mien.exe"), shell, FakeProcess(1, "explorer.exe")]
    second = [FakeProcess(200, "mien.exe"), FakeProcess(201, "uv.exe"), FakeProcess(202, None), shell]
    assert name_terminal(first) == name_terminal(second) == "7-1700000000"
    assert name_terminal([FakeProcess(7, "powershell.exe", 1700000900)]) != name_terminal(first)
    assert name_terminal([]) == "none"
