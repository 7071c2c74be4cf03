"""`POST /v1/images/edits`, as clients of OpenAI's API send it: the first picture changes, the second is the reference.

Fields are those of its published API (openai-python 3.57, `ImageEditParams`), beside four of our own. A field that
would ask for something else than this swap is refused, never passed over.
"""

import asyncio
import base64
import re
import time
from collections.abc import Mapping
from typing import cast

from aiohttp import web
from pydantic import Field

from mien_core.errors import BadRequest, InvalidOptions
from mien_daemon import keys
from mien_daemon.http.body import reply
from mien_daemon.http.form import Form, read_form, require_known
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer
from mien_daemon.jobs.job import JobRequest
from mien_daemon.routes.jobs import choose_default
from mien_daemon.routes.one_request import (
    MAX_BYTES,
    PROBLEMS,
    WantedSwap,
    accept,
    find_person,
    link_to,
    require_engine,
    run,
)
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.options import AUTO

FACE_INDEX = re.compile(r"\s*\d{1,4}\s*", re.ASCII)  # Python reads no number of more than 4,300 digits
FORMATS = ("png", "jpeg", "webp")
PRODUCT = "mien"  # as `model`: the default engine
PLAIN_WORDS = frozenset({"", "swap", "swap face", "swap faces", "swap the face", "face swap"})
"""Prompts that ask for what this door does anyway; an engine that takes none takes these."""

# The values with which a field asks for what Mien does.
ONLY = {
    "n": ("1",),
    "size": ("auto",),
    "quality": ("auto",),
    "background": ("auto",),
    "moderation": ("auto",),
    "input_fidelity": ("high",),
    "response_format": ("b64_json",),
    "stream": ("false",),
    "partial_images": ("0",),
    "output_format": FORMATS,
}
WHO_ASKS = frozenset({"user", "safety_identifier"})  # about the caller's own users: not read, not kept
OWN = frozenset({"basis", "adult", "reference", "faces"})
TEXTS = frozenset({"prompt", "model", *ONLY, *WHO_ASKS, *OWN})
PICTURES = ("image", "image[]")
# Known and never meant here: `invalid-options` says more than "there is no such field".
REFUSED = ("mask", "markup", "output_compression", "complexity", "frame_count", "frame_duration_ms")


class EditedImage(Answer):
    b64_json: str = Field(description="The result, in base64.")


class ImagesAnswer(Answer):
    """OpenAI's `ImagesResponse`."""

    created: int = Field(description="Unix time in seconds.")
    data: list[EditedImage]
    output_format: str
    size: str = Field(examples=["1024x768"])


async def post_image_edit(request: web.Request) -> web.Response:
    ask = await read_ask(request)
    job, picture = await run(request, ask)
    width, height = cast("tuple[int, int]", (job.result or {})["size"])
    image = EditedImage(b64_json=(await asyncio.to_thread(base64.b64encode, picture)).decode())
    answer = ImagesAnswer(
        created=int(time.time()), data=[image], output_format=str(ask.options["format"]), size=f"{width}x{height}"
    )
    return reply(answer, headers=link_to(job))


async def read_ask(request: web.Request) -> JobRequest:
    """The job that is asked for. The pictures are on the disk, and held in memory no longer than this."""
    timeout_s = request.app[keys.CONFIG].body_timeout_s
    async with request.app[keys.SHARES].whole_requests.take(request[keys.CLIENT]):
        form = await read_form(request, MAX_BYTES, timeout_s)
        options = read_options(form, await choose_default(request, {}))
        return await accept(request, await read_swap(request, form, options))


async def read_swap(request: web.Request, form: Form, options: Mapping[str, object]) -> WantedSwap:
    """The target, and the person: further pictures, or `reference`.

    Raises:
        BadRequest: `field` says which of them is missing or one too many.
    """
    pictures = [each for name in PICTURES for each in form.files.get(name, ())]
    if not pictures:
        raise BadRequest("image: the picture that changes is needed", field="image")
    target, *person = pictures
    named = form.texts.get("reference", "")
    if bool(person) == bool(named):
        raise BadRequest("image: give the reference as second picture, or its name as `reference`", field="image")
    return WantedSwap(
        target,
        person or [await find_person(request, named, "reference")],
        options,
        form.texts.get("basis", ""),
        form.texts.get("adult", "") in {"true", "True", "1"},
    )


def read_options(form: Form, default_engine: str) -> dict[str, object]:
    """The options of the swap.

    Raises:
        BadRequest: `field` is none that OpenAI's API or this door has.
        InvalidOptions: `field` asks for what no option here means; `known` are the values that can be given.
    """
    for name in (*form.files, *form.texts):
        if name in REFUSED:
            raise InvalidOptions(f"{name}: a swap has no such thing", field=name)
    require_known(dict.fromkeys(form.files, ""), frozenset(PICTURES))
    require_known(form.texts, TEXTS)
    for name, known in ONLY.items():
        if form.texts.get(name, known[0]) not in known:
            raise InvalidOptions(f"{name}: this door has no such value", field=name, known=list(known))
    named = form.texts.get("model", PRODUCT)
    engine = default_engine if named == PRODUCT else require_engine(named, "model")
    options: dict[str, object] = {"engine": engine, "format": form.texts.get("output_format", FORMATS[0])}
    if faces := form.texts.get("faces"):
        options["faces"] = read_faces(faces)
    return options | read_prompt(form.texts.get("prompt", ""), engine)


def read_faces(text: str) -> object:
    """ "largest", "all", or indices from the left: "0,2"."""
    if text in {"largest", "all"}:
        return text
    if not all(FACE_INDEX.fullmatch(part) for part in text.split(",")):
        raise InvalidOptions("faces: largest, all, or indices with commas", field="faces")
    return [int(part) for part in text.split(",")]


def read_prompt(prompt: str, engine: str) -> dict[str, object]:
    """The option `prompt` of an engine that has one; for others the prompt may only ask for a swap.

    Raises:
        InvalidOptions: it asks for more.
    """
    if " ".join(prompt.lower().strip(" .!").split()) in PLAIN_WORDS:
        return {}
    if engine == AUTO or (engine in ENGINES and "prompt" not in ENGINES[engine].options.model_fields):
        raise InvalidOptions(
            f"prompt: the engine {engine} reads no words; leave it empty", field="prompt", known=sorted(PLAIN_WORDS)
        )
    return {"prompt": prompt}


ROUTES = (
    Route(
        "POST",
        "/v1/images/edits",
        "post_image_edit",
        post_image_edit,
        "One swap in one request, as OpenAI's API takes it: the second picture is the reference",
        "swap",
        {200: ImagesAnswer},
        body=("multipart/form-data",),
        problems=PROBLEMS,
        setting="openai_door",
    ),
)
