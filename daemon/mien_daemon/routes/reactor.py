"""`POST /reactor/image`, as scripts send it to the ReActor extension of A1111's web UI.

Fields and defaults are those of its published API (scripts/reactor_api.py, ReActor External API v1.0.7), beside the two
of our statement. A field that would ask for something else than this swap is refused, never passed over.
"""

import asyncio
import base64
import binascii

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_core.errors import BadRequest, InvalidOptions
from mien_daemon import keys
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer, Body
from mien_daemon.jobs.job import JobRequest
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

PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
MOST_FACES = 100  # more than any picture of people that is swapped; every wrong index is a kilobyte of report


class ReactorSwap(Body):
    """Put the face of `source_image` into `target_image`."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"source_image": PIXEL, "target_image": PIXEL, "basis": "self", "adult": True}],
        }
    )

    source_image: str = Field("", description="The reference: a picture in base64, or a data: URI.")
    target_image: str = Field("", description="The picture that changes, in the same form.")
    source_faces_index: list[int] = Field(
        [0], max_length=MOST_FACES, description="Only 0: a reference shows one person."
    )
    face_index: list[int] = Field(
        [0], min_length=1, max_length=MOST_FACES, description="Faces of the target, counted from the left."
    )
    upscaler: str = Field("None", description='Only "None".')
    scale: float = Field(1, description="Only 1.")
    upscale_visibility: float = Field(1, description="Not read: there is no upscaler.")
    face_restorer: str = Field("None", description='"None", "CodeFormer" or "GFPGAN".')
    restorer_visibility: float = Field(1, ge=0, le=1, description="How much of the restorer's detail is added.")
    codeformer_weight: float = Field(0.5, ge=0, le=1, description="The option `fidelity`.")
    restore_first: int = Field(1, description="Not read: there is no upscaler.")
    model: str = Field("", description="An engine, or a file that is one; the default engine when it is left out.")
    gender_source: int = Field(0, description="Only 0.")
    gender_target: int = Field(0, description="Only 0.")
    save_to_file: int = Field(0, description="Only 0: a request names no file of this machine.")
    result_file_path: str = Field("", description="Not read.")
    device: str = Field("CPU", description="Not read: the setting `devices` says where engines run.")
    mask_face: int = Field(0, description="Not read: a face is always masked.")
    select_source: int = Field(0, ge=0, le=2, description="0: `source_image`; 1: `face_model`.")
    face_model: str = Field("None", description="With `select_source` 1 a person of the library, by name or id.")
    source_folder: str = Field("", description="Not read: no request names a folder of this machine.")
    random_image: int = Field(0, description="Only 0.")
    upscale_force: int = Field(0, description="Not read: there is no upscaler.")
    det_thresh: float = Field(0.5, description="Only 0.5.")
    det_maxnum: int = Field(0, description="Only 0.")
    basis: str = Field("", description="Not ReActor's: self or written-permission, with `source_image`.")
    adult: bool = Field(default=False, description="Not ReActor's: that the person is an adult, with `source_image`.")


class ReactorAnswer(Answer):
    image: str = Field(description="The result, a PNG file in base64.")


# The values with which a field asks for what Mien does.
ONLY: dict[str, tuple[object, ...]] = {
    "source_faces_index": ([0],),
    "upscaler": ("None", ""),
    "scale": (1,),
    "gender_source": (0,),
    "gender_target": (0,),
    "save_to_file": (0,),
    "select_source": (0, 1),
    "random_image": (0,),
    "det_thresh": (0.5,),
    "det_maxnum": (0,),
}
FILES = {
    "inswapper_128.onnx": "inswapper",
    "inswapper_128_fp16.onnx": "inswapper-fp16",
    "hyperswap_1a_256.onnx": "hyperswap-1a",
    "hyperswap_1b_256.onnx": "hyperswap-1b",
    "hyperswap_1c_256.onnx": "hyperswap-1c",
}
"""Files that ReActor names, and the engines that they are."""
RESTORERS = {"None": None, "": None, "CodeFormer": "codeformer", "GFPGAN": "gfpgan"}
FACE_MODEL = ".safetensors"


async def post_reactor_image(request: web.Request) -> web.Response:
    job, picture = await run(request, await read_ask(request))
    image = (await asyncio.to_thread(base64.b64encode, picture)).decode()
    return reply(ReactorAnswer(image=image), headers=link_to(job))


async def read_ask(request: web.Request) -> JobRequest:
    """The job that is asked for. The pictures are on the disk, and held in memory no longer than this."""
    timeout_s = request.app[keys.CONFIG].body_timeout_s
    async with request.app[keys.SHARES].whole_requests.take(request[keys.CLIENT]):
        asked = await read_json(request, ReactorSwap, MAX_BYTES, timeout_s)
        options = read_options(asked)
        by_name = asked.select_source == 1
        wanted = WantedSwap(
            await decode(asked.target_image, "target_image"),
            [
                await find_person(request, asked.face_model.removesuffix(FACE_MODEL), "face_model")
                if by_name
                else await decode(asked.source_image, "source_image")
            ],
            options,
            asked.basis,
            asked.adult,
        )
        return await accept(request, wanted)


def read_options(asked: ReactorSwap) -> dict[str, object]:
    """The options of the swap.

    Raises:
        InvalidOptions: `field` asks for what no option here means; `known` are the values that can be given.
    """
    for name, known in ONLY.items():
        if getattr(asked, name) not in known:
            raise InvalidOptions(f"{name}: this door has no such value", field=name, known=list(known))
    if asked.face_restorer not in RESTORERS:
        raise InvalidOptions("there is no such restorer", field="face_restorer", known=list(RESTORERS))
    options: dict[str, object] = {"faces": asked.face_index, "format": "png"}
    if asked.model:
        options["engine"] = require_engine(FILES.get(asked.model, asked.model), "model")
    if restorer := RESTORERS[asked.face_restorer]:
        options |= {
            "restorer": restorer,
            "restore": asked.restorer_visibility,
            "fidelity": asked.codeformer_weight,
        }
    return options


async def decode(text: str, field: str) -> bytes:
    """The bytes of a picture in base64, or in a data: URI.

    Raises:
        BadRequest: it is neither; addresses are not fetched.
    """
    if text.startswith("data:image/"):
        text = text.partition(",")[2]
    try:
        data = await asyncio.to_thread(base64.b64decode, text, validate=True)
    except binascii.Error:
        data = b""
    if not data:
        raise BadRequest(f"{field}: a picture in base64 is needed; addresses are not fetched", field=field)
    return data


ROUTES = (
    Route(
        "POST",
        "/reactor/image",
        "post_reactor_image",
        post_reactor_image,
        "One swap in one request, as ReActor's API takes it",
        "swap",
        {200: ReactorAnswer},
        body=ReactorSwap,
        problems=PROBLEMS,
        setting="reactor_door",
    ),
)
