"""A client of OpenAI's image API swaps with Mien: two pictures, one swap, and no field passed over in silence."""

import asyncio
import base64
import gc
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest

from mien_core.errors import BadRequest, InvalidOptions, UnknownEngine
from mien_daemon import keys
from mien_daemon.http.form import Form
from mien_daemon.routes.image_edits import ONLY, REFUSED, TEXTS, read_options
from mien_daemon.routes.one_request import WantedSwap
from mien_testing.daemon import png

# What openai-python 3.57.0 sends for `images.edit(image=[…, …], prompt=…, extra_body=…)`, written down from the wire.
BOUNDARY = "66694db7c0c35b8ca8a9bf7d6a989305"
TEXT = '--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
FILE = (
    '--{boundary}\r\nContent-Disposition: form-data; name="image[]"; filename="{name}"\r\n'
    "Content-Type: image/png\r\n\r\n"
)
# The fields of `ImageEditParamsBase` there, but `image`, which is a file.
PUBLISHED = {
    *("prompt", "background", "complexity", "frame_count", "frame_duration_ms", "input_fidelity", "markup", "mask"),
    *("model", "n", "output_compression", "output_format", "partial_images", "quality", "response_format", "size"),
    *("user", "stream"),
}


def write_form(pictures: list[bytes], **texts: str) -> tuple[bytes, dict[str, str]]:
    """The body, and the header that says what it is."""
    parts = [TEXT.format(boundary=BOUNDARY, name=name, value=value).encode() for name, value in texts.items()]
    for number, picture in enumerate(pictures):
        parts += [FILE.format(boundary=BOUNDARY, name=f"{number}.png").encode(), picture, b"\r\n"]
    body = b"".join([*parts, f"--{BOUNDARY}--\r\n".encode()])
    return body, {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}


@pytest.fixture
async def daemon(open_daemon: Any) -> AsyncIterator[Any]:
    async with open_daemon(settings={"openai_door": True}) as running:
        yield running


async def edit(daemon: Any, pictures: list[bytes], **texts: str) -> Any:
    body, headers = write_form(pictures, **texts)
    return await daemon.ask("POST", "/v1/images/edits", data=body, headers=headers)


OWN_FACE = {"basis": "self", "adult": "true"}


def test_every_published_field_is_read_or_refused_by_name() -> None:
    assert TEXTS | set(REFUSED) >= PUBLISHED


def test_every_field_has_a_value_that_asks_for_what_a_swap_is() -> None:
    plain = {name: known[0] for name, known in ONLY.items()}
    told = read_options(Form(texts={"prompt": "Swap the face.", **plain}), "mesh")
    assert told == {"engine": "mesh", "format": "png"}


@pytest.mark.parametrize(
    ("texts", "field"),
    [
        ({"n": "2"}, "n"),
        ({"size": "1024x1024"}, "size"),
        ({"quality": "high"}, "quality"),
        ({"background": "transparent"}, "background"),
        ({"response_format": "url"}, "response_format"),
        ({"stream": "true"}, "stream"),
        ({"output_format": "svg"}, "output_format"),
        ({"output_compression": "50"}, "output_compression"),
        ({"prompt": "make it night"}, "prompt"),
        ({"faces": "the left one"}, "faces"),
        ({"faces": "0," + "1" * 5000}, "faces"),
    ],
)
def test_a_field_that_asks_for_something_else_is_refused_by_name(texts: Mapping[str, str], field: str) -> None:
    with pytest.raises(InvalidOptions) as refused:
        read_options(Form(texts=dict(texts)), "mesh")
    assert refused.value.fields["field"] == field


def test_masks_unknown_fields_and_unknown_engines_are_refused_by_name() -> None:
    with pytest.raises(InvalidOptions, match="mask"):
        read_options(Form(files={"image": [b""], "mask": [b""]}), "mesh")
    for form in (Form(texts={"colour": "red"}), Form(files={"colour": [b""]})):
        with pytest.raises(BadRequest) as refused:
            read_options(form, "mesh")
        assert refused.value.fields["field"] == "colour"
    with pytest.raises(UnknownEngine) as unknown:
        read_options(Form(texts={"model": "gpt-image-2"}), "mesh")
    assert unknown.value.fields["field"] == "model"


def test_an_engine_that_reads_words_gets_them() -> None:
    told = read_options(Form(texts={"model": "flux", "prompt": "a portrait at night", "faces": "0,2"}), "mesh")
    assert told == {"engine": "flux", "format": "png", "prompt": "a portrait at night", "faces": [0, 2]}


@pytest.mark.slow
async def test_the_second_picture_is_the_reference_and_more_are_of_the_same_person(daemon: Any, picture: bytes) -> None:
    target = png(shade=7)
    made = await edit(daemon, [target, picture, png(shade=8)], prompt="swap", model="mien", **OWN_FACE)
    assert made.status == 200, made.body
    assert base64.b64decode(made.json["data"][0]["b64_json"]) == target
    assert (made.json["output_format"], made.json["size"]) == ("png", "8x8")
    assert made.json["created"] > 0
    (job,) = (await daemon.ask("GET", "/v1/jobs")).json["jobs"]
    assert len(job["references"][0]) == 2
    assert job["id"] in made.headers["Link"]


@pytest.mark.slow
async def test_a_swap_that_fails_answers_with_its_code(daemon: Any, picture: bytes) -> None:
    made = await edit(daemon, [picture, picture], prompt="fail=no-face-found", model="flux", **OWN_FACE)
    assert (made.status, made.code, made.json["role"]) == (422, "no-face-found", "target")


async def test_it_asks_for_two_pictures_the_statement_and_a_form(daemon: Any, picture: bytes) -> None:
    both = [picture, picture]
    for pictures, texts, status, code, field in (
        (both, {}, 422, "consent-required", "basis"),
        (both, {"basis": "self"}, 422, "consent-required", "adult"),
        ([picture], OWN_FACE, 400, "bad-request", "image"),
        ([], OWN_FACE, 400, "bad-request", "image"),
        (both, {**OWN_FACE, "reference": "Ann"}, 400, "bad-request", "image"),
        ([picture], {"reference": "Ann"}, 404, "unknown-reference", "reference"),
        ([b"no picture", picture], OWN_FACE, 415, "invalid-image", "target"),
    ):
        answer = await edit(daemon, pictures, **texts)
        assert (answer.status, answer.code, answer.json["field"]) == (status, code, field)
    sent = await daemon.ask("POST", "/v1/images/edits", {"prompt": "swap"})
    assert (sent.status, sent.code) == (415, "unsupported-media-type")
    assert (await daemon.ask("GET", "/v1/jobs")).json["jobs"] == []


async def test_pictures_are_not_held_in_memory_while_their_job_waits(daemon: Any, picture: bytes) -> None:
    await daemon.ask("POST", "/v1/queue/pause")
    asking = asyncio.create_task(edit(daemon, [picture, picture], model="mesh", **OWN_FACE))
    await daemon.eventually(lambda: len(daemon.app[keys.UNFINISHED].waiting) == 1)
    gc.collect()
    assert [each for each in gc.get_objects() if type(each) in {Form, WantedSwap}] == []
    asking.cancel()
    await daemon.eventually(lambda: daemon.app[keys.UNFINISHED].finished["cancelled"] == 1)


async def test_nothing_is_there_until_a_person_opens_it(open_daemon: Any, picture: bytes) -> None:
    async with open_daemon() as daemon:
        assert (await edit(daemon, [picture, picture], **OWN_FACE)).code == "unknown-route"
