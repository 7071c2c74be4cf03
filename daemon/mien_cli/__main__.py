"""`python -m mien_cli` is `mien`."""

import os
import sys

from mien_cli.main import main

# NumPy reads it when it is loaded, here and in the worker: the matrices of a swap are small, and to divide one among
# threads that wait for each other takes more of the processor than to multiply it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if __name__ == "__main__":
    sys.exit(main())
