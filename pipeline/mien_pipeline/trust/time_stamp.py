"""Which time-stamp authority a person chose, if any: the one connection that a process which signs may make."""

import os
from collections.abc import Mapping

from mien_core.errors import MarkingFailed


def time_stamp_url(environ: Mapping[str, str] = os.environ) -> str | None:
    """The time-stamp authority that a person chose with `MIEN_TIME_STAMP`; None by default and offline.

    Raises:
        MarkingFailed: it is no web address.
    """
    url = environ.get("MIEN_TIME_STAMP", "")
    if not url or environ.get("MIEN_OFFLINE", "0") not in {"", "0"}:
        return None
    if not url.startswith(("http://", "https://")):
        raise MarkingFailed("MIEN_TIME_STAMP is no web address", variable="MIEN_TIME_STAMP")
    return url
