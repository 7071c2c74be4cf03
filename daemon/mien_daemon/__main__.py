"""`python -m mien_daemon` is `mien`."""

import sys

from mien_daemon.cli import main

if __name__ == "__main__":
    sys.exit(main())
