"""Whether there is room, asked before the first byte."""

import shutil
from pathlib import Path

from mien_core.errors import DiskFull

# A system disk that is really full takes the whole machine down with it.
HEADROOM_BYTES = 5 << 30
HEADROOM_SHARE = 0.05


def check_disk(folder: Path, needed: int) -> None:
    """Return if `needed` more bytes leave enough free.

    Raises:
        DiskFull: `needed_bytes` and `free_bytes` say how much is missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    usage = shutil.disk_usage(folder)
    needed += max(HEADROOM_BYTES, int(usage.total * HEADROOM_SHARE))
    if usage.free < needed:
        raise DiskFull(
            f"{needed / 1e9:.1f} GB must be free and {usage.free / 1e9:.1f} GB are",
            folder=str(folder),
            needed_bytes=needed,
            free_bytes=usage.free,
        )
