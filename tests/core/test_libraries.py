"""A library that the system lacks is named, with what brings it."""

import ctypes
import errno
import subprocess
import sys
from pathlib import Path

import pytest

from mien_core.errors import LibraryMissing
from mien_core.files import name_system_error
from mien_core.libraries import name_missing_library


@pytest.mark.skipif(sys.platform != "linux", reason="it is the loader of Linux that is asked")
def test_what_the_loader_itself_says_is_understood(tmp_path: Path) -> None:
    """A library that needs libGL.so.1 under another system's name for it, compiled here and left without it."""
    (tmp_path / "needed.c").write_text("int needed(void) { return 1; }\n")
    (tmp_path / "user.c").write_text("int needed(void); int use(void) { return needed(); }\n")
    needed, user = tmp_path / "libGL.so.9", tmp_path / "libuser.so"
    command = ["gcc", "-shared", "-fPIC", "-Wl,--no-as-needed"]
    subprocess.run([*command, "-Wl,-soname,libGL.so.9", "-o", needed, tmp_path / "needed.c"], check=True)
    subprocess.run([*command, "-o", user, tmp_path / "user.c", needed], check=True)
    needed.unlink()
    with pytest.raises(OSError, match="cannot open") as refused:
        ctypes.CDLL(str(user))
    missing = name_missing_library(refused.value)
    assert missing is not None
    assert missing.fields == {"library": "libGL.so.9"}
    assert "libGL.so.9" in str(missing)


# What loaders say, each as its system words it.
LINUX = "libGL.so.1: cannot open shared object file: No such file or directory"
MUSL = "Error loading shared library libstdc++.so.6: No such file or directory (needed by /x/_core.so)"
MACOS = "dlopen(/x/cv2.abi3.so, 0x0002): Library not loaded: @rpath/libavif.16.dylib\n  Referenced from: <0A> /x/cv2"
WINDOWS = "DLL load failed while importing cv2: The specified module could not be found."
OLD = "/lib/x86_64-linux-gnu/libc.so.6: version `GLIBC_2.34' not found (required by /x/_imaging.so)"


@pytest.mark.parametrize(
    ("said", "fields"),
    [
        (LINUX, {"library": "libGL.so.1", "package": "libgl1"}),
        (MUSL, {"library": "libstdc++.so.6", "package": "libstdc++6"}),
        (MACOS, {"library": "libavif.16.dylib"}),
        (WINDOWS, {"module": "cv2", "package": "Microsoft Visual C++ Redistributable"}),
        (OLD, {"library": "libc.so.6", "version": "GLIBC_2.34"}),
    ],
)
def test_every_systems_loader_is_understood(said: str, fields: dict[str, str]) -> None:
    missing = name_missing_library(ImportError(said))
    assert missing is not None
    assert missing.fields == fields
    assert all(value in str(missing) for value in fields.values())
    assert "/x/" not in f"{missing} {missing.fields}"


def test_it_is_found_behind_what_a_package_makes_of_it() -> None:
    """NumPy raises a page of advice from the loader's own sentence."""
    advice = ImportError("IMPORTANT: PLEASE READ THIS FOR ADVICE ON HOW TO SOLVE THIS ISSUE!")
    advice.__cause__ = ImportError(LINUX)
    assert isinstance(name_system_error(advice), LibraryMissing)


def test_errors_that_go_round_in_a_circle_end() -> None:
    one, two = ValueError("one"), ValueError("two")
    one.__context__, two.__context__ = two, one
    assert name_missing_library(one) is None


@pytest.mark.parametrize(
    "other",
    [
        ModuleNotFoundError("No module named 'cv2'"),
        OSError(errno.ENOENT, "No such file or directory", "libGL.so.1: cannot open shared object file"),
        ValueError(LINUX),
    ],
)
def test_other_errors_are_not_called_a_missing_library(other: Exception) -> None:
    assert name_missing_library(other) is None
