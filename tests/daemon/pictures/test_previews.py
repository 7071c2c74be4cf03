"""Previews: made one after the other in a process of their own; recent ones are remembered, none for long."""

import asyncio
import io
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import PIL.Image
import pytest

from mien_api.errors import TooManyRequests
from mien_core.errors import InvalidImage
from mien_daemon.access.clients import LOCAL, Client, Scope
from mien_daemon.pictures import previews as module
from mien_daemon.pictures import reader
from mien_daemon.pictures.previews import KEPT_SIDE, MOST_WAITING, RETRY_AFTER_S, Previews, RecentPreviews
from mien_daemon.worker.messages import HeaderRead
from mien_testing.stand_in import returning

pytestmark = pytest.mark.slow

# A process that answers each request with the path's last letters, or does as the path says.
SCRIPT = """
import os, sys, time
from mien_daemon.worker import messages
from mien_daemon.worker.messages import *
while (wanted := messages.read(sys.stdin.buffer)) is not None:
    made = (wanted.picture + str(getattr(wanted, "side", ""))).encode()
    if wanted.picture == "garbage": said = messages.LENGTH.pack(2) + b"{}"
    elif wanted.picture == "wrong": said = messages.encode(Ready())
    elif wanted.picture == "die": os._exit(1)
    elif wanted.picture == "hang": time.sleep(600)
    elif wanted.picture == "endless": said = messages.encode(PreviewMade(1 << 40))
    elif wanted.picture == "refuse": said = messages.encode(Failed("", "invalid-image", "as the test wants it"))
    elif isinstance(wanted, ReadHeader): said = messages.encode(HeaderRead("png", 7, len(wanted.picture)))
    else: said = messages.encode(PreviewMade(len(made))) + made
    sys.stdout.buffer.write(said)
    sys.stdout.buffer.flush()
"""


ADA, BEN = (Client(name, name, frozenset[Scope]({"swap"})) for name in ("ada", "ben"))


@pytest.fixture
async def previews(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Previews]:
    monkeypatch.setattr(reader, "command_for", returning([sys.executable, "-c", SCRIPT]))
    made = Previews()
    yield made
    await made.close()


def test_the_preview_that_was_asked_for_last_stays_and_the_one_not_asked_for_longest_goes() -> None:
    recent = RecentPreviews(most_bytes=30)
    for name in ("a", "b", "c"):
        recent.keep(name, 64, name.encode() * 10)
    assert recent.get("a", 64) == b"a" * 10, "all three fit exactly"
    recent.keep("d", 64, b"d" * 10)
    assert recent.get("b", 64) is None, "a was asked for after b"
    assert [recent.get(name, 64) is not None for name in ("a", "c", "d")] == [True, True, True]
    recent.keep("e", 64, b"e" * 20)
    assert [recent.get(name, 64) is not None for name in ("a", "c", "d", "e")] == [False, False, True, True]


def test_a_preview_is_remembered_by_its_picture_and_its_size() -> None:
    recent = RecentPreviews()
    recent.keep("a", 64, b"small")
    assert recent.get("a", 65) is None
    assert recent.get("b", 64) is None


def test_a_large_preview_is_not_kept_and_a_cleared_one_neither() -> None:
    recent = RecentPreviews()
    recent.keep("a", KEPT_SIDE, b"kept")
    recent.keep("a", KEPT_SIDE + 1, b"looked at once")
    assert recent.get("a", KEPT_SIDE) == b"kept"
    assert recent.get("a", KEPT_SIDE + 1) is None
    recent.clear()
    assert recent.get("a", KEPT_SIDE) is None


def test_what_is_kept_stays_below_eight_megabytes() -> None:
    recent = RecentPreviews()
    for number in range(20):
        recent.keep(str(number), 64, bytes(1 << 20))
    assert [number for number in range(20) if recent.get(str(number), 64)] == list(range(12, 20))


async def test_a_preview_is_made_once_and_remembered(previews: Previews) -> None:
    assert await previews.make(Path("a"), "digest", 64, ADA) == b"a64"
    assert await previews.make(Path("another path"), "digest", 64, ADA) == b"a64"
    assert await previews.make(Path("b"), "digest", 65, ADA) == b"b65"


async def test_previews_that_are_asked_for_at_once_are_not_mixed_up(previews: Previews) -> None:
    asked = [previews.make(Path(name), name, 64, ADA) for name in "abc"]
    assert await asyncio.gather(*asked) == [b"a64", b"b64", b"c64"]


@pytest.mark.parametrize("broken", ["garbage", "wrong", "die", "hang", "refuse", "endless"])
async def test_a_process_that_fails_costs_one_preview_and_the_next_is_made(
    previews: Previews, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    await previews.make(Path("first"), "first", 64, ADA)  # the process is warm before its time counts
    if broken == "hang":
        monkeypatch.setattr(reader, "TIMEOUT_S", 0.1)
    with pytest.raises(InvalidImage):
        await previews.make(Path(broken), broken, 64, ADA)
    monkeypatch.undo()
    monkeypatch.setattr(reader, "command_for", returning([sys.executable, "-c", SCRIPT]))
    assert await previews.make(Path("next"), "next", 64, ADA) == b"next64"


async def test_a_request_that_is_broken_off_does_not_spoil_the_next_answer(previews: Previews) -> None:
    await previews.make(Path("first"), "first", 64, ADA)
    asking = asyncio.create_task(previews.make(Path("hang"), "hang", 64, ADA))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert await previews.make(Path("next"), "next", 64, ADA) == b"next64"


async def test_nothing_stays_in_memory_when_no_preview_is_asked_for(
    previews: Previews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_S", 0.0)
    assert await previews.make(Path("a"), "digest", 64, ADA) == b"a64"
    async with asyncio.timeout(60):
        while await previews.make(Path("b"), "digest", 64, ADA) == b"a64":  # noqa: ASYNC110 forgetting sends no event
            await asyncio.sleep(0.01)


async def test_the_real_process_makes_a_picture(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    PIL.Image.new("RGB", (900, 600)).save(path)
    previews = Previews([tmp_path])
    try:
        made = await previews.make(path, "digest", 300, ADA)
    finally:
        await previews.close()
    assert PIL.Image.open(io.BytesIO(made)).size == (300, 200)


async def test_a_header_is_read_by_the_process(previews: Previews) -> None:
    assert await previews.read_header(Path("four"), ADA) == HeaderRead("png", 7, 4)
    for broken in ("garbage", "die", "refuse"):
        with pytest.raises(InvalidImage):
            await previews.read_header(Path(broken), ADA)
    assert await previews.read_header(Path("next"), ADA) == HeaderRead("png", 7, 4)


async def test_pictures_that_hang_keep_only_their_own_sender_waiting(previews: Previews) -> None:
    asking = [asyncio.create_task(previews.make(Path("hang"), str(number), 64, ADA)) for number in range(8)]
    assert await previews.make(Path("a"), "a", 64, BEN) == b"a64"
    assert await previews.read_header(Path("four"), BEN) == HeaderRead("png", 7, 4)
    assert not any(each.done() for each in asking)
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)
    assert await previews.make(Path("b"), "b", 64, ADA) == b"b64"


async def test_a_sender_of_too_many_is_told_to_come_back_and_others_are_not(
    previews: Previews, monkeypatch: pytest.MonkeyPatch
) -> None:
    asking = [asyncio.create_task(previews.make(Path("hang"), str(number), 64, ADA)) for number in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(TooManyRequests) as refused:
        await previews.make(Path("a"), "a", 64, ADA)
    assert refused.value.fields == {"share": "pictures being read", "retry_after_s": RETRY_AFTER_S}
    assert await previews.make(Path("a"), "a", 64, BEN) == b"a64"
    for each in asking:
        each.cancel()
    await asyncio.gather(*asking, return_exceptions=True)


async def test_a_request_that_leaves_while_the_process_starts_leaves_no_process_behind(previews: Previews) -> None:
    for _ in range(3):
        asking = asyncio.create_task(previews.make(Path("a"), "a", 64, LOCAL))
        await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
    await previews.close()
    assert all(each._process is None for each in previews._readers)  # pyright: ignore[reportPrivateUsage]


async def test_a_process_is_started_while_the_picture_is_still_on_its_way(previews: Previews) -> None:
    previews.warm()
    await previews._warming.wait()  # pyright: ignore[reportPrivateUsage]
    assert previews._readers[-1]._process is not None  # pyright: ignore[reportPrivateUsage]


async def test_the_real_process_reads_no_picture_of_another_folder(tmp_path: Path) -> None:
    path = tmp_path / "picture.png"
    PIL.Image.new("RGB", (90, 60)).save(path)
    (tmp_path / "shown").mkdir()
    previews = Previews([tmp_path / "shown"])
    try:
        with pytest.raises(InvalidImage, match="denied"):
            await previews.make(path, "digest", 300, ADA)
    finally:
        await previews.close()
