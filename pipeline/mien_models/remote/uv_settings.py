"""uv's settings about indexes, as uv itself reads them: the project's, the person's and the system's file, `UV_*`.

Source: uv's documentation, "Configuration files" and "Package indexes". Lists of several files are joined, the
project's first.
"""

import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from mien_core.errors import DownloadFailed
from mien_models.remote.index_settings import IndexSettings, Place, config_folders, place_of

_YES = {"y", "yes", "t", "true", "on", "1"}


def read_uv_settings(environ: Mapping[str, str], folder: Path, platform: str = sys.platform) -> IndexSettings:
    """What uv would ask, run in `folder`. Raises DownloadFailed for a file that cannot be read."""
    reading = _Reading(environ)
    reading.read_environment(folder)
    for path, table in _tables(environ, folder, platform):
        reading.read_table(table, path.parent)
    return reading.settings()


class _Reading:
    """What has been read so far; stronger sources come first."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self._default: Place | None = None
        self._others: list[Place] = []
        self._find_links: list[Place] = []
        self._trusted: set[str] = set()
        self._no_index = environ.get("UV_NO_INDEX", "").lower() in _YES

    def settings(self) -> IndexSettings:
        return IndexSettings(
            find_links=tuple(self._find_links),
            indexes=(*([self._default] if self._default else []), *self._others),
            has_default=self._default is not None,
            no_index=self._no_index,
            trusted_hosts=frozenset(self._trusted),
        )

    def read_environment(self, folder: Path) -> None:
        for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
            if value := self._environ.get(name):
                self._set_default(self._named(value, folder))
        for name in ("UV_INDEX", "UV_EXTRA_INDEX_URL"):
            self._others += [self._named(one, folder) for one in self._environ.get(name, "").split()]
        links = self._environ.get("UV_FIND_LINKS", "").split(",")
        self._find_links += [place_of(one.strip(), folder) for one in links if one.strip()]
        self._trusted |= {one.lower() for one in self._environ.get("UV_INSECURE_HOST", "").split()}

    def read_table(self, table: Mapping[str, Any], folder: Path) -> None:
        for below in (table, _table(table.get("pip"))):
            for entry in _tables_of(below.get("index")):
                self._read_index(entry, folder)
            if isinstance(url := below.get("index-url"), str):
                self._set_default(place_of(url, folder))
            self._others += [place_of(one, folder) for one in _words(below.get("extra-index-url"))]
            self._find_links += [place_of(one, folder) for one in _words(below.get("find-links"))]
            self._no_index = self._no_index or below.get("no-index") is True
            hosts = [*_words(below.get("allow-insecure-host")), *_words(below.get("trusted-host"))]
            self._trusted |= {one.lower() for one in hosts}

    def _read_index(self, entry: Mapping[str, Any], folder: Path) -> None:
        url = entry.get("url")
        if not isinstance(url, str) or entry.get("explicit") is True:  # explicit: only for packages pinned to it
            return
        place = self._with_credentials(str(entry.get("name", "")), url, folder)
        if entry.get("format") == "flat":
            self._find_links.append(place)
        elif entry.get("default") is True:
            self._set_default(place)
        else:
            self._others.append(place)

    def _set_default(self, place: Place) -> None:
        self._default = self._default or place

    def _named(self, text: str, folder: Path) -> Place:
        """An index as the environment writes it, with or without `name=`."""
        match = re.match(r"([A-Za-z0-9._-]+)=(?=\S)", text)
        return self._with_credentials(match[1], text[match.end() :], folder) if match else place_of(text, folder)

    def _with_credentials(self, name: str, url: str, folder: Path) -> Place:
        key = "UV_INDEX_" + re.sub(r"[^A-Z0-9]", "_", name.upper())
        user, password = self._environ.get(key + "_USERNAME"), self._environ.get(key + "_PASSWORD")
        given = None if not name or (user is None and password is None) else (user or "", password or "")
        return place_of(url, folder, given)


def _tables(environ: Mapping[str, str], folder: Path, platform: str) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each settings file that applies, with its table, stronger ones first."""
    if own := environ.get("UV_CONFIG_FILE"):
        yield Path(own), _read(Path(own))
        return
    if environ.get("UV_NO_CONFIG", "").lower() in _YES:
        return
    for parent in (folder, *folder.parents):
        if (path := parent / "uv.toml").is_file():
            yield path, _read(path)
            break
        if (path := parent / "pyproject.toml").is_file() and (table := _project_table(path)):
            yield path, table
            break
    shared, personal = config_folders("uv", environ, platform)
    if platform != "win32":
        shared = [*shared, Path("/etc/uv")]
    for path in (each / "uv.toml" for each in [*personal, *shared]):
        if path.is_file():
            yield path, _read(path)


def _project_table(path: Path) -> dict[str, Any]:
    """`[tool.uv]` of a project; empty where there is none, and for a broken file, which uv passes over too."""
    try:
        return _table(_table(_read(path).get("tool")).get("uv"))
    except DownloadFailed:
        return {}


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise DownloadFailed(f"uv's settings in {path} cannot be read", reason="settings", file=str(path)) from error


def _table(value: object) -> dict[str, Any]:
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def _tables_of(value: object) -> list[dict[str, Any]]:
    return [_table(one) for one in cast("list[object]", value)] if isinstance(value, list) else []


def _words(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    return [one for one in cast("list[object]", value) if isinstance(one, str)] if isinstance(value, list) else []
