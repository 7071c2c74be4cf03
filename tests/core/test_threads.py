"""Numeric libraries are told of their threads before they are loaded."""

import subprocess
import sys

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
