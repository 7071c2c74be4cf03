"""A picture is sent under the hash of its bytes, read back by its sender alone, and its faces are found."""

import hashlib
from typing import Any

import pytest


async def test_a_picture_comes_back_as_it_was_sent(daemon: Any, picture: bytes) -> None:
    name = await daemon.put(picture)
    answer = await daemon.ask("GET", f"/v1/blobs/{name}")
    assert (answer.status, answer.body) == (200, picture)
    assert answer.headers["Content-Type"] == "image/png"
    assert answer.headers["ETag"] == f'"{name.removeprefix("sha256:")}"'


async def test_sending_a_picture_names_it_and_its_size(daemon: Any, picture: bytes) -> None:
    name = f"sha256:{hashlib.sha256(picture).hexdigest()}"
    answer = await daemon.ask("PUT", f"/v1/blobs/{name}", data=picture, headers={"Content-Type": "image/png"})
    assert (answer.status, answer.json) == (201, {"blob": name, "size": len(picture)})


@pytest.mark.parametrize("media_type", ["text/html", "application/json", "video/mp4"])
async def test_what_is_sent_as_something_else_than_a_picture_is_refused(
    daemon: Any, picture: bytes, media_type: str
) -> None:
    name = f"sha256:{hashlib.sha256(picture).hexdigest()}"
    answer = await daemon.ask("PUT", f"/v1/blobs/{name}", data=picture, headers={"Content-Type": media_type})
    assert (answer.code, answer.json["field"]) == ("unsupported-media-type", "Content-Type")


@pytest.mark.parametrize("path", ["", "/faces", "/preview"])
async def test_another_clients_picture_is_unknown(daemon: Any, picture: bytes, path: str) -> None:
    name, token = await daemon.put(picture), await daemon.token("swap")
    assert (await daemon.ask("GET", f"/v1/blobs/{name}{path}", token=token)).code == "unknown-blob"


async def test_the_worker_finds_the_faces_of_a_picture(daemon: Any, picture: bytes) -> None:
    answer = await daemon.ask("GET", f"/v1/blobs/{await daemon.put(picture)}/faces")
    assert answer.status == 200
    assert [face["index"] for face in answer.json["faces"]] == list(range(len(answer.json["faces"])))


@pytest.mark.parametrize("name", ["sha256:00", "md5:" + "0" * 64, "sha256:" + "G" * 64])
async def test_a_name_that_is_no_hash_is_refused(daemon: Any, picture: bytes, name: str) -> None:
    assert (await daemon.ask("PUT", f"/v1/blobs/{name}", data=picture)).code == "bad-request"
