"""Verifying happens in a process of its own, two pictures at a time, and its answer or its error comes back."""

import asyncio
import json
import sys
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest

from mien_api.errors import RequestTimeout, TooManyRequests
from mien_core.errors import ImageTooLarge, InvalidImage
from mien_daemon.access.clients import Client, Scope
from mien_daemon.pictures import verifier as module
from mien_daemon.pictures.blobs import ARRIVING, SizeLimits
from mien_daemon.pictures.verifier import MOST_WAITING, RETRY_AFTER_S, Verifier, command
from mien_testing.stand_in import returning

LIMITS = SizeLimits(1_000_000, 2_000_000)
ADA, BEN = (Client(name, name, frozenset[Scope]({"swap"})) for name in ("ada", "ben"))


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / ARRIVING).mkdir()
    return tmp_path


def script(monkeypatch: pytest.MonkeyPatch, state: Path, code: str) -> Verifier:
    """A verifier whose process runs this code instead."""
    monkeypatch.setattr(module, "command", returning([sys.executable, "-c", code]))
    return Verifier(state, Path("/models"))


async def pieces(*sent: bytes) -> AsyncGenerator[bytes]:
    for each in sent:
        yield each


async def inspect(verifier: Verifier, *sent: bytes, client: Client = ADA, timeout_s: float = 20.0) -> Any:
    return await verifier.inspect(pieces(*sent), LIMITS, timeout_s, client)


SAY_LENGTH = "import sys, json; print(json.dumps({'credentials': len(sys.stdin.buffer.read())}))"


def test_the_process_is_our_own_command_on_the_daemons_folders_and_offline() -> None:
    words = command(Path("/state"), Path("/models"))
    assert words[-8:] == ["verify", "-", "--json", "--offline", "--state-dir", "/state", "--models-dir", "/models"]


async def test_the_picture_goes_in_and_what_it_says_comes_out(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    verifier = script(monkeypatch, state, SAY_LENGTH)
    assert await inspect(verifier, b"x" * 100_000, b"y" * 50_000) == {"credentials": 150_000}
    assert list((state / ARRIVING).iterdir()) == []


async def test_a_refusal_is_the_error_it_was(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    refused = json.dumps({"code": "image-too-large", "detail": "too many pixels", "limit_pixels": 5})
    with pytest.raises(ImageTooLarge, match="too many") as error:
        await inspect(script(monkeypatch, state, f"print({refused!r})"))
    assert error.value.fields["limit_pixels"] == 5


async def test_a_process_that_takes_too_long_is_killed(monkeypatch: pytest.MonkeyPatch, state: Path) -> None:
    monkeypatch.setattr(module, "TIMEOUT_S", 0.1)
    with pytest.raises(InvalidImage, match="in time"):
        await inspect(script(monkeypatch, state, "import time; time.sleep(600)"))
    assert list((state / ARRIVING).iterdir()) == []


@pytest.mark.parametrize(
    "said",
    ["''", "'no json'", "'[1]'", "'[' * 100_000", "'{\"credentials\": \"' + 'x' * 300_000 + '\"}'", "'9' * 100_000"],
    ids=["nothing", "words", "list", "deep", "long", "digits"],
)
async def test_a_process_may_say_anything(monkeypatch: pytest.MonkeyPatch, state: Path, said: str) -> None:
    with pytest.raises(InvalidImage):
        await inspect(script(monkeypatch, state, f"print({said})"))


async def test_a_process_that_never_stops_talking_is_heard_no_further_than_an_answer(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    code = "import sys\nwhile True: sys.stdout.write('x' * 65536)"
    with pytest.raises(InvalidImage):
        await inspect(script(monkeypatch, state, code))


async def test_what_comes_too_long_or_too_slowly_is_refused_and_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    verifier = script(monkeypatch, state, SAY_LENGTH)
    with pytest.raises(ImageTooLarge) as refused:
        await inspect(verifier, b"x" * 600_000, b"x" * 600_000)
    assert refused.value.fields == {"limit_bytes": 1_000_000}

    async def never() -> AsyncGenerator[bytes]:
        yield b"x"
        await asyncio.Event().wait()

    with pytest.raises(RequestTimeout):
        await verifier.inspect(never(), LIMITS, 0.05, ADA)
    assert list((state / ARRIVING).iterdir()) == []


async def test_a_picture_is_taken_only_when_its_turn_has_come_and_each_client_waits_for_its_own(
    monkeypatch: pytest.MonkeyPatch, state: Path
) -> None:
    go, began = asyncio.Event(), list[int]()

    async def slow(number: int) -> AsyncGenerator[bytes]:
        began.append(number)
        await go.wait()
        yield b"x" * number

    verifier = script(monkeypatch, state, SAY_LENGTH)
    asking = [asyncio.create_task(verifier.inspect(slow(number), LIMITS, 60.0, ADA)) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    assert await inspect(verifier, b"xxx", client=BEN) == {"credentials": 3}
    assert began == [0]
    with pytest.raises(TooManyRequests) as refused:
        await inspect(verifier, b"x")
    assert refused.value.fields == {"share": "pictures being verified", "retry_after_s": RETRY_AFTER_S}
    go.set()
    assert await asyncio.gather(*asking) == [{"credentials": number} for number in range(MOST_WAITING)]
