"""A small picture of each result, made in the worker's cage when the job ends: a gallery is looked at often."""

import logging
from pathlib import Path

from mien_core.errors import MienError
from mien_core.files import write_whole
from mien_daemon.worker.messages import THUMBNAIL, THUMBNAIL_PX

log = logging.getLogger(__name__)


def leave_thumbnail(result: Path) -> None:
    """Write a small JPEG of a picture or clip beside it.

    A result that cannot be made small is none the worse for it: it is made small when it is looked at.
    """
    from mien_pipeline.media.previews import make_preview  # it decodes: not before the cage is closed

    try:
        small = make_preview(result, THUMBNAIL_PX, is_result=True)
        write_whole(result.with_name(THUMBNAIL), small, 0o600)
    except (MienError, OSError, MemoryError) as error:
        log.warning("a result has no thumbnail: %s", type(error).__name__)
