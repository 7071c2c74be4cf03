"""Verifying for the API: what `mien verify --json` prints, one picture at a time, none for too long."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from mien_core.errors import ImageTooLarge, InvalidImage
from mien_daemon.pictures import verifier as module
from mien_daemon.pictures.verifier import Verifier, command
from mien_testing.stand_in import returning


def script(monkeypatch: pytest.MonkeyPatch, code: str) -> Verifier:
    """A verifier whose process runs this code instead."""
    monkeypatch.setattr(module, "command", returning([sys.executable, "-c", code]))
    return Verifier(Path("/state"), Path("/models"))


def test_the_process_is_our_own_command_on_the_daemons_folders_and_offline() -> None:
    words = command(Path("/state"), Path("/models"))
    assert words[-8:] == ["verify", "-", "--json", "--offline", "--state-dir", "/state", "--models-dir", "/models"]


async def test_the_picture_goes_in_and_what_it_says_comes_out(monkeypatch: pytest.MonkeyPatch) -> None:
    code = "import sys, json; print(json.dumps({'credentials': len(sys.stdin.buffer.read())}))"
    assert await script(monkeypatch, code).inspect(b"x" * 100_000) == {"credentials": 100_000}


async def test_a_refusal_is_the_error_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = json.dumps({"code": "image-too-large", "detail": "too many pixels", "limit_pixels": 5})
    with pytest.raises(ImageTooLarge, match="too many") as error:
        await script(monkeypatch, f"print({refused!r})").inspect(b"")
    assert error.value.fields["limit_pixels"] == 5


async def test_a_process_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    verifier = script(monkeypatch, "import time; time.sleep(60)")
    with pytest.raises(InvalidImage, match="in time"):
        await asyncio.wait_for(verifier.inspect(b""), 20)


async def test_one_picture_is_verified_after_the_other(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    lock = str(tmp_path / "lock")
    code = (
        f"import os; os.close(os.open({lock!r}, os.O_CREAT | os.O_EXCL)); "
        f"print('{{\"credentials\": 1}}'); os.unlink({lock!r})"
    )
    verifier = script(monkeypatch, code)
    answers = await asyncio.gather(*(verifier.inspect(b"") for _ in range(4)))
    assert answers == [{"credentials": 1}] * 4
