"""`mien swap` for one clip of a folder run, in a process that ends when the run does.

The run keeps this process's standard input open. When the run is gone, by whatever death, so is this process, as by
`kill -9`; the next run goes on after the last finished segment.
"""

import os
import sys
import threading
from importlib import import_module

from mien_core.program import PROGRAMS


def end_with_parent() -> None:
    """Wait until standard input is closed, then end this process in the middle of its work."""
    while os.read(0, 1024):
        pass
    os._exit(1)


def main() -> None:
    threading.Thread(target=end_with_parent, daemon=True).start()
    sys.argv[1:1] = ["swap"]
    import_module(PROGRAMS["mien"].module).main()


if __name__ == "__main__":
    main()
