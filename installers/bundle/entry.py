"""The frozen program: `mien`, and every program of ours that it starts by the same executable."""

import sys

from mien_core.program import run_frozen

if __name__ == "__main__":
    sys.exit(run_frozen(sys.argv))
