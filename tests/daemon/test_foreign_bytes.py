"""Whatever is sent, the front process goes on answering: nothing that reads foreign bytes holds it."""

import asyncio
import json
import struct
import zlib
from typing import Any

import pytest

from mien_testing.daemon import png
from mien_testing.files import photograph
from mien_testing.stalls import unit_of_work_s, watch_loop

pytestmark = pytest.mark.slow

MIB = 1 << 20
# A unit is 4 to 6 ms of our machine; the old expression took a thousand of them. Other threads of this process that
# compute while the loop waits for a processor were seen to take fifty.
LONGEST_UNITS = 300


def chunk(name: bytes, content: bytes = b"") -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


BOMBS = {
    "zeros behind a jpeg": lambda: photograph("JPEG") + bytes(16 * MIB),
    "blanks and a letter": lambda: photograph("JPEG") + b" \n" * (8 * MIB) + b"x",
    "almost markup": lambda: photograph("JPEG") + b"x" + b"<svg" * (2 * MIB),
    "a million segments": lambda: photograph("JPEG")[:20] + b"\xff\xe5\0\2" * (4 * MIB) + photograph("JPEG")[20:],
    "a million chunks": lambda: photograph("PNG")[:33] + chunk(b"teSt") * MIB + photograph("PNG")[33:],
    "texts that unpack": lambda: (
        photograph("PNG")[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(16 * MIB))) * 40 + photograph("PNG")[33:]
    ),
    "boundless directories": lambda: (
        b"II*\0\x08\0\0\0"
        + struct.pack("<H", 65_535)
        + struct.pack("<HHII", 700, 7, 8 * MIB, 8) * 65_535
        + bytes(9 * MIB)
    ),
    "a million boxes": lambda: photograph("AVIF") + b"\0\0\0\x08free" * (2 * MIB),
    "a long icc profile": lambda: photograph("PNG", icc_profile=bytes(8 * MIB)),
    "nothing at all": lambda: bytes(16 * MIB),
}


@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_picture_however_it_is_made_does_not_hold_the_front_process(daemon: Any, bomb: str) -> None:
    data = BOMBS[bomb]()
    token = await daemon.token("swap")
    name = await daemon.put(data, token=token)
    unit_s = unit_of_work_s()
    async with watch_loop() as stalls:
        body = {"kind": "swap", "target": name, "reference": name, "options": {}}
        answers = await asyncio.gather(
            *(daemon.ask("GET", f"/v1/blobs/{name}/preview?side={64 + number}", token=token) for number in range(8)),
            daemon.ask("POST", "/v1/jobs", body, token=token),
            daemon.ask("GET", "/v1/health"),
        )
    assert answers[-1].status == 200
    assert {answer.status for answer in answers[:-1]} <= {200, 202, 413, 415, 422, 429}
    assert stalls.ticks > 0
    assert stalls.longest_s < LONGEST_UNITS * unit_s, f"{1000 * stalls.longest_s:.0f} ms"


@pytest.mark.parametrize(
    "body",
    [
        b'{"kind":"swap","options":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
        b'{"kind":"swap","options":' + b'{"a":' * 10_000 + b"1" + b"}" * 10_000 + b"}",
        b'{"kind":"restore","target":"sha256:' + b"0" * 64 + b'","options":{"amount":' + b"9" * 60_000 + b"}}",
        b'{"kind":"restore","target":"sha256:' + b"0" * 64 + b'","options":{"seed":-' + b"9" * 60_000 + b"}}",
        b'{"kind":"restore","target":"sha256:' + b"0" * 64 + b'","options":{"amount":1e' + b"9" * 5000 + b"}}",
        b'{"kind":"swap","target":"' + b"a" * 60_000 + b'","reference":"","options":{}}',
        json.dumps({"kind": "swap", "target": "", "reference": ["sha256:"] * 5000}).encode(),
        json.dumps({"kind": "swap", "options": {str(number): 1 for number in range(5000)}}).encode(),
        json.dumps(
            {"kind": "swap", "target": "sha256:" + "0" * 64, "reference": "ref:a", "options": {"faces": [10**4000]}}
        ).encode(),
    ],
    ids=["lists", "objects", "digits", "negative", "exponent", "name", "references", "options", "faces"],
)
async def test_a_body_however_it_is_made_is_refused_in_no_time(daemon: Any, body: bytes) -> None:
    unit_s = unit_of_work_s()
    async with watch_loop() as stalls:
        answer = await daemon.ask("POST", "/v1/jobs", data=body, headers={"Content-Type": "application/json"})
    assert answer.status in {400, 404, 422}, answer.body[:300]
    assert stalls.longest_s < LONGEST_UNITS * unit_s, f"{1000 * stalls.longest_s:.0f} ms"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/jobs?cursor=" + "9" * 4000, {}),
        ("/v1/jobs?state=" + ",".join(["queued"] * 600), {}),
        ("/v1/jobs?" + "&".join(f"a{number}=1" for number in range(1000)), {}),
        ("/v1/jobs/" + "a" * 4000, {}),
        ("/v1/jobs/a?wait=" + "9" * 4000, {}),
        ("/v1/blobs/sha256:" + "0" * 4000, {}),
        ("/v1/jobs", {"If-None-Match": '"' * 8000}),
        ("/v1/jobs", {"Authorization": "Bearer " + " " * 7000 + "x"}),
        ("/v1/jobs", {"Origin": "moz-extension://" + "0" * 8000}),
        ("/v1/events", {"Last-Event-ID": "9" * 8000}),
    ],
    ids=["cursor", "states", "fields", "id", "wait", "blob", "quotes", "blanks", "origin", "event"],
)
async def test_a_line_however_it_is_made_is_answered_in_no_time(daemon: Any, path: str, headers: Any) -> None:
    unit_s = unit_of_work_s()
    lines = "".join(f"{name}: {value}\r\n" for name, value in {"Authorization": "Bearer TOKEN", **headers}.items())
    request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:PORT\r\n{lines}\r\n"
    async with watch_loop() as stalls:
        answer = await daemon.raw(request.encode())
    assert answer.status < 500
    assert stalls.longest_s < LONGEST_UNITS * unit_s, f"{1000 * stalls.longest_s:.0f} ms"


async def test_another_clients_picture_is_read_while_eight_bombs_are(daemon: Any) -> None:
    bomb, token = BOMBS["almost markup"](), await daemon.token("swap")
    name, mine = await daemon.put(bomb, token=token), await daemon.put(png(64))
    asking = [
        asyncio.create_task(daemon.ask("GET", f"/v1/blobs/{name}/preview?side={64 + number}", token=token))
        for number in range(8)
    ]
    await asyncio.sleep(0)
    assert (await daemon.ask("GET", f"/v1/blobs/{mine}/preview?side=32")).status == 200
    await asyncio.gather(*asking)
