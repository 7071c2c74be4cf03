"""How the threads of numeric libraries behave in each process that swaps; the libraries read it as they are loaded."""

import os
from collections.abc import Mapping

# The matrices of a swap are small: dividing one among threads that wait for each other takes more processor time than
# multiplying it. OpenCV's threads wait for each other and for more work in busy loops: a tenth of a swap's time.
# glibc gives every thread a heap of its own and keeps what was freed there from all others: a fifth of a swap's memory.
THREADS: Mapping[str, str] = {
    "OPENBLAS_NUM_THREADS": "1",
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_MAIN": "0",
    "OPENCV_THREAD_POOL_ACTIVE_WAIT_WORKER": "0",
    "MALLOC_ARENA_MAX": "2",
}


def set_threads() -> None:
    """Set `THREADS` for this process and those that it starts, where a person has not chosen otherwise."""
    for name, value in THREADS.items():
        os.environ.setdefault(name, value)
