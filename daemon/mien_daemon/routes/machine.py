"""The machine that Mien runs on: memory, free space, and where the folders are."""

import os
import platform
import shutil
from pathlib import Path

import psutil
from aiohttp import web
from pydantic import Field

from mien_core.version import product_version
from mien_daemon import keys
from mien_daemon.http.body import reply
from mien_daemon.http.route import Route
from mien_daemon.http.schemas import Answer


class Folder(Answer):
    purpose: str = Field(description='"state", "cache", "logs" or "models".')
    path: str
    free_bytes: int | None = Field(description="On its disk; null while the folder does not exist.")


class MachineAnswer(Answer):
    version: str
    system: str
    processors: int
    memory_bytes: int | None
    folders: list[Folder]


async def get_machine(request: web.Request) -> web.Response:
    folders = request.app[keys.CONFIG].folders
    places = {"state": folders.state, "cache": folders.cache, "logs": folders.logs, "models": folders.models}
    return reply(
        MachineAnswer(
            version=product_version(),
            system=f"{platform.system()} {platform.machine()}",
            processors=os.cpu_count() or 1,
            memory_bytes=psutil.virtual_memory().total,
            folders=[
                Folder(purpose=name, path=str(path), free_bytes=free_bytes(path)) for name, path in places.items()
            ],
        )
    )


def free_bytes(path: Path) -> int | None:
    return shutil.disk_usage(path).free if path.exists() else None


ROUTES = (
    Route(
        "GET", "/v1/machine", "get_machine", get_machine, "Memory, disks and folders", "models", {200: MachineAnswer}
    ),
)
