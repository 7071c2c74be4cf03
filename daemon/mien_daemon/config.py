"""What can be set, and from where: a flag, else the environment, else the settings file, else the default."""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mien_api.folders import Folders
from mien_core.errors import InvalidOptions
from mien_core.files import write_whole
from mien_daemon.device_names import AUTO, PATTERN

PORT = 6436
DAY_S = 86_400
SETTINGS_FILE = "settings.json"
DEFAULT_WORKER = "mien_pipeline.runtime:create_runtime"


class Settings(BaseModel):
    """The settings table: every name, its default and its meaning. `MIEN_` + the name in capitals is its variable."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    port: int = Field(
        default=PORT, ge=0, le=65_535, description="The port on 127.0.0.1; 0 picks a free one. Needs a restart."
    )
    offline: bool = Field(default=False, description="No connection leaves the machine; models are only imported.")
    paused: bool = Field(default=False, description="Queued jobs wait until the queue is resumed.")
    keep_results_s: int = Field(
        default=7 * DAY_S,
        ge=60,
        le=3650 * DAY_S,
        description="How long a result and its pictures are kept after the job.",
    )
    idle_unload_s: int = Field(
        default=300,
        ge=1,
        le=30 * DAY_S,
        description="The worker ends, and gives its memory back, after so long without a job.",
    )
    max_queued: int = Field(
        default=200, ge=1, le=10_000, description="Jobs that may wait; more are refused for the moment."
    )
    # The pipeline's own limit on a file; a photograph of 108 megapixels has 20 to 80 MB.
    max_blob_bytes: int = Field(
        default=200_000_000, ge=1_000, le=200_000_000, description="The largest picture file that is taken."
    )
    # Uploads of this size take minutes; the disk's headroom is kept beside it.
    max_clip_bytes: int = Field(
        default=4 << 30,
        ge=1_000,
        le=16 << 30,
        description="The largest clip file that is taken.",
    )
    max_pixels: int = Field(
        default=120_000_000, ge=1_000, le=120_000_000, description="The most pixels a picture may have."
    )
    devices: str = Field(
        default=AUTO,
        pattern=PATTERN,
        description='What has a worker each: "auto", "cpu", or names with commas as "cuda:0,cuda:1". Needs a restart.',
    )
    default_engine: str = Field(
        default="auto",
        min_length=1,
        max_length=40,
        description="The engine of a swap that names none; auto picks where several are ready.",
    )
    reactor_door: bool = Field(
        default=False, description="Programs that talk to ReActor may talk to Mien: POST /reactor/image."
    )
    openai_door: bool = Field(
        default=False, description="Programs that talk to OpenAI's image API may talk to Mien: POST /v1/images/edits."
    )
    metrics: bool = Field(default=False, description="Prometheus may read figures: GET /metrics.")
    notify_finished: bool = Field(default=True, description="The tray says when a job is done.")
    notify_failed: bool = Field(default=True, description="The tray says when a job has failed.")
    notify_pairing: bool = Field(default=True, description="The tray says when a browser asks to be paired.")
    notify_downloads: bool = Field(default=True, description="The tray says when a model has been downloaded.")


@dataclass(frozen=True, slots=True)
class Config:
    """Everything `create_app` needs to know; built once, never changed.

    Attributes:
        settings: as they were at the start; what a person changes later is in `LiveSettings`.
        sources: for each setting that has not its default, who set it: "flag", "environment" or "file".
        worker: "module:function" that makes the worker's runtime.
        body_timeout_s: how long the body of an upload may take: on loopback 200 MB need about a second.
        heartbeat_timeout_s, cancel_grace_s: silence, and disobedience, after which a worker is killed.
        restart_delays_s: pauses before the worker's first, second, … restart in a row; the last one repeats.
        deaths_window_s, max_deaths: so many deaths in such a time, and no worker is started until it has passed.
    """

    folders: Folders
    settings: Settings = field(default_factory=Settings)
    sources: Mapping[str, str] = field(default_factory=dict[str, str])
    worker: str = DEFAULT_WORKER
    body_timeout_s: float = 45.0
    heartbeat_timeout_s: float = 10.0
    cancel_grace_s: float = 5.0
    restart_delays_s: tuple[float, ...] = (0.2, 1.0, 5.0, 15.0, 30.0)
    deaths_window_s: float = 300.0
    max_deaths: int = 3

    @classmethod
    def load(
        cls,
        flags: Mapping[str, object] | None = None,
        *,
        state_dir: str | Path | None = None,
        models_dir: str | Path | None = None,
    ) -> Self:
        """Read the environment and the settings file; `flags` are settings given on the command line.

        Raises:
            InvalidOptions: `field` names a setting with no such value, `source` the layer it comes from.
        """
        folders = Folders.find(state_dir, models_dir)
        layers = {
            "file": read_settings_file(folders.state),
            "environment": _from_environment(),
            "flag": {name: value for name, value in (flags or {}).items() if value is not None},
        }
        values: dict[str, object] = {}
        sources: dict[str, str] = {}
        for source, layer in layers.items():
            parse_settings({**values, **layer}, source)
            values |= layer
            sources |= dict.fromkeys(layer, source)
        return cls(folders, parse_settings(values, "file"), sources)

    def on_port(self, port: int) -> Self:
        """The same with the port that was really bound."""
        return replace(self, settings=self.settings.model_copy(update={"port": port}))


def parse_settings(values: Mapping[str, object], source: str) -> Settings:
    """Settings from loose values.

    Raises:
        InvalidOptions: `field` and `source` name the first value that cannot be.
    """
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        name = str(first["loc"][0]) if first["loc"] else "settings"
        raise InvalidOptions(f"setting {name}: {first['msg']}", field=name, source=source) from None


def read_settings_file(state: Path) -> dict[str, object]:
    """What a person has set and kept; nothing when nothing was, or when the file is not readable as settings."""
    try:
        loaded: object = json.loads((state / SETTINGS_FILE).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError):
        return {}
    if not isinstance(loaded, dict):
        return {}
    known = Settings.model_fields
    return {str(name): value for name, value in loaded.items() if name in known}


def change_settings(current: Settings, changes: Mapping[str, object], state: Path) -> Settings:
    """`current` with these changes, which are kept in the settings file; the other settings there stay.

    Raises:
        InvalidOptions: `field` names the first value that cannot be; nothing is changed.
    """
    changed = parse_settings({**current.model_dump(), **changes}, "request")
    kept = {**read_settings_file(state), **{name: getattr(changed, name) for name in changes}}
    write_whole(state / SETTINGS_FILE, json.dumps(kept, indent=2).encode(), 0o600)
    return changed


class LiveSettings:
    """The settings of a running daemon: read anywhere, changed in one place, kept in the settings file."""

    def __init__(self, config: Config) -> None:
        import asyncio  # not at the top: a command that reads its settings and swaps has no event loop

        from mien_daemon.background import BackgroundTasks

        self.current = config.settings
        self.sources = dict(config.sources)
        self._state = config.folders.state
        self._one_change = asyncio.Lock()
        self._changes = BackgroundTasks()

    async def change(self, changes: Mapping[str, object]) -> Settings:
        """Apply and keep; nothing is changed when one of them cannot be.

        Raises:
            InvalidOptions: `field` names the one.
        """
        return await self._changes.finish(self._change(changes))

    async def _change(self, changes: Mapping[str, object]) -> Settings:
        import asyncio

        async with self._one_change:
            self.current = await asyncio.to_thread(change_settings, self.current, changes, self._state)
            self.sources |= dict.fromkeys(changes, "file")
            return self.current


def _from_environment() -> dict[str, object]:
    found = {name: os.environ.get(f"MIEN_{name.upper()}") for name in Settings.model_fields}
    return {name: value for name, value in found.items() if value not in {None, ""}}
