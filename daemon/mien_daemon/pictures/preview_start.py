"""The program `preview` of `mien_core.program`, called with the folders whose pictures it may read.

The cage closes before anything is loaded that decodes, or that starts threads as NumPy does.
"""

import sys
from pathlib import Path

from mien_core.cage.walls import Cage
from mien_daemon.worker.isolation import SMALL_BYTES, isolate


def main() -> None:
    isolate(Cage(readable=[Path(folder) for folder in sys.argv[1:]], memory_bytes=SMALL_BYTES))
    from mien_daemon.pictures.preview_process import main as answer

    answer()


if __name__ == "__main__":
    main()
