"""pip's settings about indexes, as pip itself reads them: files of four levels, then the environment.

Source: pip's documentation, "Configuration". A stronger level replaces a weaker one's value of the same name; the
section of the command replaces `[global]`. The command is `pip download`.
"""

import configparser
import locale
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from mien_core.errors import DownloadFailed
from mien_models.remote.index_settings import IndexSettings, config_folders, place_of

_SECTIONS = ("global", "download")
_YES = {"y", "yes", "t", "true", "on", "1"}


def read_pip_settings(
    environ: Mapping[str, str], folder: Path, platform: str = sys.platform, prefix: str = sys.prefix
) -> IndexSettings:
    """What pip would ask; relative paths begin at `folder`. Raises DownloadFailed for a file that cannot be read."""
    values = _read_files(settings_files(environ, platform, prefix))
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            values[name.removeprefix("PIP_").lower().replace("_", "-")] = value
    default = values.get("index-url", "").strip()
    indexes = ([default] if default else []) + values.get("extra-index-url", "").split()
    return IndexSettings(
        find_links=tuple(place_of(one, folder) for one in values.get("find-links", "").split()),
        indexes=tuple(place_of(one, folder) for one in indexes),
        has_default=bool(default),
        no_index=values.get("no-index", "").strip().lower() in _YES,
        trusted_hosts=frozenset(one.lower() for one in values.get("trusted-host", "").split()),
        ca_file=values.get("cert") or None,
        client_certificate=values.get("client-cert") or None,
        proxy=values.get("proxy") or None,
    )


def settings_files(environ: Mapping[str, str], platform: str, prefix: str) -> list[Path]:
    """pip's settings files, whether they exist or not, weaker ones first."""
    own = environ.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:  # pip's way to say: none at all
        return []
    name = "pip.ini" if platform == "win32" else "pip.conf"
    shared, personal = config_folders("pip", environ, platform)
    home = Path(environ.get("HOME") or Path.home())
    if platform == "darwin":
        shared = [Path("/Library/Application Support/pip")]
        library = home / "Library/Application Support/pip"
        personal = [library] if library.is_dir() else [home / ".config/pip"]
    elif platform != "win32":
        shared = [*shared, Path("/etc")]
    personal = [home / ("pip" if platform == "win32" else ".pip"), *personal]
    if own and Path(own).exists():
        personal = []
    folders = [*shared, *personal, Path(prefix)]
    return [each / name for each in folders] + ([Path(own)] if own else [])


def _read_files(paths: list[Path]) -> dict[str, str]:
    """Values by name."""
    found: dict[str, dict[str, str]] = {section: {} for section in _SECTIONS}
    for path in paths:
        parser = configparser.RawConfigParser()
        try:
            parser.read(path, encoding=locale.getpreferredencoding(do_setlocale=False))
        except (configparser.Error, UnicodeDecodeError, OSError) as error:
            raise DownloadFailed(
                f"pip's settings in {path} cannot be read", reason="settings", file=str(path)
            ) from error
        for section in _SECTIONS:
            if parser.has_section(section):
                pairs = parser.items(section)
                found[section].update({key.removeprefix("--").replace("_", "-"): value for key, value in pairs})
    return {key: value for section in _SECTIONS for key, value in found[section].items()}
