"""A form with files is counted while it comes, and a broken one is the sender's mistake."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

HEAD = {"Content-Type": "multipart/form-data; boundary=b"}
PART = b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
END = b"--b--\r\n"


@pytest.fixture
async def daemon(open_daemon: Any) -> AsyncIterator[Any]:
    async with open_daemon(settings={"openai_door": True}) as running:
        yield running


async def test_a_broken_form_is_refused_as_one(daemon: Any) -> None:
    text, file = PART % (b"prompt", b"", b"swap"), PART % (b"image", b'; filename="a.png"', b"\x89PNG")
    broken = (
        b"no form at all",
        b"",
        text,
        text + file[:-2],
        text + text + END,
        b"--b\r\n\r\nno name\r\n" + END,
        b"--b\r\nnonsense\r\n\r\n" + END,
        PART % (b"prompt", b"", b"\xff\xfe") + END,
        (PART % (b"image", b'; filename="a.png"', b"")) * 65 + END,
        b"--b\r\nContent-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nin\r\n--c--\r\n" + END,
    )
    for body in broken:
        answer = await daemon.ask("POST", "/v1/images/edits", data=body, headers=HEAD)
        assert (answer.status, answer.code) == (400, "bad-request"), body[:80]
    without = {"Content-Type": "multipart/form-data"}
    assert (await daemon.ask("POST", "/v1/images/edits", data=text + END, headers=without)).code == "bad-request"


async def test_a_form_is_counted_while_it_comes(daemon: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mien_daemon.routes.image_edits.MAX_BYTES", 100_000)
    file = PART % (b"image", b'; filename="a.png"', bytes(80_000))
    for body in (file + file + END, PART % (b"prompt", b"", b"a" * 70_000) + END):
        answer = await daemon.ask("POST", "/v1/images/edits", data=body, headers=HEAD)
        assert (answer.status, answer.code) == (413, "request-too-large")
