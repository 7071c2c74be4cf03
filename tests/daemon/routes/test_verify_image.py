"""Any picture is read for its marks and kept nowhere; what is no picture is refused by its type or size."""

from typing import Any

import pytest


@pytest.mark.parametrize("media_type", ["text/plain", "application/json", "multipart/form-data"])
async def test_what_is_not_sent_as_a_picture_is_refused(daemon: Any, picture: bytes, media_type: str) -> None:
    answer = await daemon.ask("POST", "/v1/verify-image", data=picture, headers={"Content-Type": media_type})
    assert (answer.status, answer.code, answer.json["field"]) == (415, "unsupported-media-type", "Content-Type")


async def test_a_picture_beyond_the_limit_is_refused_before_it_is_read(open_daemon: Any) -> None:
    async with open_daemon(settings={"max_blob_bytes": 100_000}) as daemon:
        answer = await daemon.ask(
            "POST", "/v1/verify-image", data=bytes(100_001), headers={"Content-Type": "image/png"}
        )
    assert (answer.status, answer.code, answer.json["limit_bytes"]) == (413, "image-too-large", 100_000)


async def test_a_picture_without_marks_says_so(empty_daemon: Any, picture: bytes) -> None:
    answer = await empty_daemon.ask("POST", "/v1/verify-image", data=picture, headers={"Content-Type": "image/png"})
    assert answer.status == 200, answer.body
    assert answer.json["credentials"]["state"] == "none"
    assert answer.json["watermark"]["strength"] == "none"
    assert picture not in [path.read_bytes() for path in empty_daemon.state.rglob("*") if path.is_file()]
