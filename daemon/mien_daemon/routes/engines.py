"""Engines: ready, or what they lack; read from tables, no engine is loaded."""

from typing import Any

from aiohttp import web
from pydantic import Field

from mien_daemon import keys
from mien_daemon.http.body import reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer
from mien_pipeline.engines.readiness import describe
from mien_pipeline.engines.registry import ENGINES


class Preset(Answer):
    name: str
    options: dict[str, Any] = Field(description="Some of its own options; every other one has its default.")
    origin: str = Field(description="Where its numbers come from: a source, or that they were chosen.")


class EngineState(Answer):
    name: str
    summary: str
    state: str = Field(description='"ready", "needs-models", "needs-libraries" or "outdated".')
    missing_libraries: list[str]
    missing_models: list[str]
    unverified_models: list[str] = Field(description="Installed, and no source has vouched for them.")
    licence: str
    device: str = Field(description="Where it would run: cuda, rocm, mps, xpu or cpu.")
    memory_bytes: int = Field(description="Main memory or, for an engine on an accelerator, video memory.")
    options: dict[str, dict[str, Any]] = Field(
        description="Its own options by name, each as a JSON schema, in the order of its controls. "
        '`control` is "main" or "advanced" where there is one, `step` one notch of its slider; `private` is a '
        "person's own words."
    )
    presets: list[Preset] = Field(description="Starting points for its own options; the first is its defaults.")


class EngineList(Answer):
    engines: list[EngineState]


async def list_engines(request: web.Request) -> web.Response:
    downloads, device = request.app[keys.DOWNLOADS], request.app[keys.WORKER].status().device

    def look() -> list[EngineState]:
        return [EngineState.model_validate(describe(entry, downloads.store, device)) for entry in ENGINES.values()]

    return reply(EngineList(engines=await downloads.in_thread(look)))


ROUTES = (
    Route(
        "GET", "/v1/engines", "list_engines", list_engines, "Every engine, and what it lacks", "swap", {200: EngineList}
    ),
)
