"""List and change settings."""

from typing import cast

from aiohttp import web
from pydantic import ConfigDict, RootModel

from mien_daemon import keys
from mien_daemon.config import LiveSettings, Settings
from mien_daemon.http.body import read_json, reply
from mien_daemon.http.route import Route
from mien_daemon.http.setting_schemas import Setting, SettingList


class Changes(RootModel[dict[str, bool | int | str]]):
    """Settings by name; the others stay as they are."""

    model_config = ConfigDict(defer_build=True, json_schema_extra={"examples": [{"keep_results_s": 86400}]})


def show(settings: LiveSettings) -> SettingList:
    rows = [
        Setting(
            name=name,
            value=cast("bool | int | str", getattr(settings.current, name)),
            default=field.default,
            meaning=field.description or "",
            source=settings.sources.get(name, "default"),
        )
        for name, field in Settings.model_fields.items()
    ]
    return SettingList(settings=rows)


async def get_settings(request: web.Request) -> web.Response:
    return reply(show(request.app[keys.SETTINGS]))


async def change_settings(request: web.Request) -> web.Response:
    changes = (await read_json(request, Changes)).root
    settings = request.app[keys.SETTINGS]
    await request.app[keys.QUEUE].change_settings(changes)
    return reply(show(settings))


ROUTES = (
    Route(
        "GET",
        "/v1/settings",
        "get_settings",
        get_settings,
        "Every setting: value, default, meaning",
        "admin",
        {200: SettingList},
    ),
    Route(
        "PUT",
        "/v1/settings",
        "change_settings",
        change_settings,
        "Change some settings and keep them",
        "admin",
        {200: SettingList},
        body=Changes,
        problems=("bad-request", "invalid-options"),
    ),
)
