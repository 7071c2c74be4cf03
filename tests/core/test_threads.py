"""Numeric libraries are told of their threads before they are loaded, and the allocator of their memory."""

import subprocess
import sys

import pytest

from mien_core.threads import THREADS

CODE = """
from mien_core.threads import set_threads
set_threads()
import numpy, psutil
matrix = numpy.ones((2000, 2000))
matrix @ matrix
print(psutil.Process().num_threads())
"""


def test_a_product_of_matrices_has_no_threads_of_its_own() -> None:
    done = subprocess.run([sys.executable, "-c", CODE], env={}, capture_output=True, text=True, check=True)
    assert int(done.stdout) == 1


HEAPS = """
import ctypes, threading
together = threading.Barrier(6)
def use_memory():
    pieces = [bytearray(1000) for _ in range(1000)]
    together.wait()
threads = [threading.Thread(target=use_memory) for _ in range(6)]
[each.start() for each in threads]
[each.join() for each in threads]
libc = ctypes.CDLL(None)
libc.fdopen.restype = ctypes.c_void_p
out = ctypes.c_void_p(libc.fdopen(1, b"w"))
libc.malloc_info(0, out)
libc.fflush(out)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it is of glibc's allocator")
def test_what_a_thread_frees_another_one_can_use() -> None:
    """With a heap for each thread that is not so: the six of this process would have six."""
    done = subprocess.run([sys.executable, "-c", HEAPS], env=THREADS, capture_output=True, text=True, check=True)
    assert 1 <= done.stdout.count("<heap nr=") <= 2
