"""`python -m mien_cli` is `mien`."""

import os
import sys

from mien_cli.main import main

# NumPy reads this when it is loaded, here and in the worker. The matrices of a swap are small: dividing one among
# threads that wait for each other takes more processor time than multiplying it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

if __name__ == "__main__":
    sys.exit(main())
