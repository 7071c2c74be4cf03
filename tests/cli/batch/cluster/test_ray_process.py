"""What the process that talks to Ray answers to a picture, told with a stand-in for Ray."""

import errno
import io
from pathlib import Path
from types import ModuleType

import pytest

from mien_daemon.worker.messages import Failed, RunJob, read
from mien_daemon.worker.runner import Pipe


class Refusing:
    """Actors of which every picture ends in an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    async def swap(self, _work: RunJob) -> None:
        raise self.error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), "disk-full"),
        (MemoryError(), "not-enough-memory"),
        (RuntimeError("nobody planned for it"), "internal-error"),
    ],
)
async def test_what_the_system_refuses_has_its_name_and_not_that_of_a_fault_in_mien(
    error: Exception, code: str, ray_process: ModuleType, tmp_path: Path
) -> None:
    """A full disk ends a run; an internal error would be said again of every picture."""
    said = io.BytesIO()
    work = RunJob("1", "swap", str(tmp_path / "a"), [], {}, str(tmp_path / "b"))
    await ray_process.answer(Refusing(error), work, Pipe(said))
    said.seek(0)
    answer = read(said)
    assert isinstance(answer, Failed)
    assert (answer.id, answer.code) == ("1", code)
