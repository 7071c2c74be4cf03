"""Engines: ready, or what they lack; read from tables, no engine is loaded."""

import threading
from typing import Any, Literal

from aiohttp import web
from pydantic import ConfigDict, Field

from mien_daemon import keys
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer, Body
from mien_daemon.routes.jobs import choose_default
from mien_daemon.routes.models import TransferList
from mien_models.environments.cards import choose_device, find_card
from mien_pipeline.clip_options import describe_clip_options
from mien_pipeline.engines.readiness import Surroundings, describe_all, require_installable
from mien_pipeline.masks.rows import describe_masks
from mien_pipeline.restorers.rows import describe_rows

LOOKING = threading.Lock()  # two that look at once would each take twice as long


class Preset(Answer):
    name: str
    options: dict[str, Any] = Field(description="Some of its own options; every other one has its default.")
    origin: str = Field(description="Where its numbers come from: a source, or that they were chosen.")


class EnginePart(Answer):
    download_bytes: int
    device: str = Field(description="What its torch would be for: cuda, rocm, mps, xpu or cpu.")
    found: str = Field(description="What that was chosen by.")
    obstacle: str | None = Field(description='Why it cannot be made: "uv", "python", "not-locked" or "no-wheel".')
    why: str = Field(description="The obstacle as a sentence.")
    command: str = Field(description="Makes it on the command line.")


class InstallEngine(Body):
    model_config = ConfigDict(json_schema_extra={"examples": [{}, {"device": "cpu"}]})

    device: Literal["auto", "cuda", "rocm", "xpu", "mps", "cpu"] = Field(
        "auto", description="What torch is for; by default what is found."
    )


class EngineState(Answer):
    name: str
    summary: str
    state: str = Field(description='"ready", "needs-models", "needs-libraries" or "outdated".')
    missing_libraries: list[str]
    missing_models: list[str]
    fetch_models: list[str] = Field(description="What one download fetches here: of several sets the one that fits.")
    unverified_models: list[str] = Field(description="Installed, and no source has vouched for them.")
    licence: str
    seeded: bool = Field(description="Another seed makes another result.")
    experimental: bool = Field(description="Nobody has measured what it makes of faces.")
    device: str = Field(description="Where it would run: cuda, rocm, mps, xpu or cpu.")
    memory_bytes: int = Field(description="Main memory or, for an engine on an accelerator, video memory.")
    fits: Literal["yes", "no", "unknown"] = Field(description="This machine; unknown where only torch sees its memory.")
    fits_why: str = Field(description="The same with its reason, as a clause.")
    download_bytes: int = Field(description="About what is still to fetch: models, and its part.")
    part: EnginePart | None = Field(description="What it runs on beyond the core, while that is not there.")
    options: dict[str, dict[str, Any]] = Field(
        description="Its own options by name, each as a JSON schema, in the order of its controls. "
        '`control` is "main" or "advanced" where there is one, `step` one notch of its slider; `private` is a '
        "person's own words."
    )
    presets: list[Preset] = Field(description="Starting points for its own options; the first is its defaults.")


class RowState(Answer):
    name: str
    summary: str
    state: str = Field(description='"ready" or "needs-models".')
    missing_models: list[str]
    licence: str


class EngineMachine(Answer):
    kind: Literal["cpu", "discrete", "unified"] = Field(description="What engines compute with: a card is discrete.")
    name: str
    memory_bytes: int | None = Field(description="Where networks live; null where only torch sees it.")


class EngineList(Answer):
    engines: list[EngineState]
    default_engine: str = Field(description='The engine of a swap that names none, which may be "auto".')
    machine: EngineMachine
    restorers: list[RowState] = Field(description="What `options.restorer` may name.")
    masks: list[RowState] = Field(description="What `options.masks` may name.")
    clips: dict[str, dict[str, Any]] = Field(
        description="What the swap of a clip takes beside its engine's options, as `options` of an engine."
    )


async def list_engines(request: web.Request) -> web.Response:
    return reply(await read_engines(request.app, await choose_default(request, {})))


async def read_engines(app: web.Application, usual: str) -> EngineList:
    """Every engine as it is here and now; `usual` is the one of a swap that names none."""
    downloads, device = app[keys.DOWNLOADS], app[keys.WORKERS].status().device

    def look() -> EngineList:
        with LOOKING:
            around = Surroundings(downloads.store)
            engines = [EngineState.model_validate(each) for each in describe_all(downloads.store, device, around)]
            restorers = [RowState.model_validate(each) for each in describe_rows(downloads.store)]
            masks = [RowState.model_validate(each) for each in describe_masks(downloads.store)]
            seen = around.machine
            machine = EngineMachine(kind=seen.kind, name=seen.name, memory_bytes=seen.total_bytes)
            clips = describe_clip_options()
            return EngineList(
                engines=engines, default_engine=usual, machine=machine, restorers=restorers, masks=masks, clips=clips
            )

    return await downloads.in_thread(look)


async def install_engine(request: web.Request) -> web.Response:
    """As `mien engines install`; a second request joins the first."""
    engine, body = request.match_info["name"], await read_json(request, InstallEngine)
    require_installable(engine)
    downloads = request.app[keys.DOWNLOADS]
    device = await downloads.in_thread(lambda: choose_device(body.device, find_card()))
    transfer = downloads.install_part(engine, device, client=request[keys.CLIENT])
    return reply(TransferList(transfers=[transfer]), 202)


async def cancel_install(request: web.Request) -> web.Response:
    engine = request.match_info["name"]
    require_installable(engine)
    return reply(TransferList(transfers=request.app[keys.DOWNLOADS].stop_install(engine)), 202)


ROUTES = (
    Route(
        "GET", "/v1/engines", "list_engines", list_engines, "Every engine, and what it lacks", "swap", {200: EngineList}
    ),
    Route(
        "POST",
        "/v1/engines/{name}/install",
        "install_engine",
        install_engine,
        "Fetch what an engine runs on, into an environment of its own, as a transfer; joins one that runs",
        "admin",
        {202: TransferList},
        body=InstallEngine,
        problems=("bad-request", "too-many-requests", "unknown-engine", "engine-unavailable"),
    ),
    Route(
        "POST",
        "/v1/engines/{name}/install/cancel",
        "cancel_install",
        cancel_install,
        "Stop that; what has arrived is kept",
        "admin",
        {202: TransferList},
        problems=("unknown-engine", "engine-unavailable"),
    ),
)
