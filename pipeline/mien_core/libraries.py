"""Native libraries that the system lacks: which one, and what brings it."""

import re

from mien_core.errors import LibraryMissing

# What the loaders of Linux (glibc, musl), macOS and Windows say when a module or one of its libraries is not there.
_ABSENT = (
    re.compile(r"(?P<library>lib[^\s:/]+\.so[.\d]*): cannot open shared object file"),
    re.compile(r"Error loading shared library (?P<library>[^\s:/]+\.so[.\d]*):"),
    re.compile(r"Library not loaded: (?:\S*/)?(?P<library>[^\s/]+)"),
    re.compile(r"DLL load failed while importing (?P<module>\w+): The specified module could not be found"),
)
_TOO_OLD = re.compile(r"(?P<library>[^\s:/]+\.so[.\d]*): version [`'](?P<version>[\w.]+)' not found")

# Debian's names, which Ubuntu shares; elsewhere a package search finds the library's own name.
_PACKAGES = {
    "libGL.so.1": "libgl1",
    "libEGL.so.1": "libegl1",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libSM.so.6": "libsm6",
    "libICE.so.6": "libice6",
    "libxcb.so.1": "libxcb1",
    "libglib-2.0.so.0": "libglib2.0-0",
    "libgthread-2.0.so.0": "libglib2.0-0",
    "libgomp.so.1": "libgomp1",
    "libatomic.so.1": "libatomic1",
    "libstdc++.so.6": "libstdc++6",
    "libgcc_s.so.1": "libgcc-s1",
    "libcuda.so.1": "NVIDIA driver",
}
# Every native module for Windows is built with it.
_VISUAL_C = "Microsoft Visual C++ Redistributable"


def name_missing_library(error: BaseException) -> LibraryMissing | None:
    """The library that an import or a load failed for; None for other errors.

    NumPy and OpenCV raise an error of their own from the loader's, so causes and contexts are looked at too.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        # `ctypes` raises an OSError without a number.
        if isinstance(current, ImportError) or (isinstance(current, OSError) and current.errno is None):
            found = _read(str(current))
            if found is not None:
                return found
        current = current.__cause__ or current.__context__
    return None


def _read(said: str) -> LibraryMissing | None:
    """What one message of a loader says."""
    if match := _TOO_OLD.search(said):
        library, version = match["library"], match["version"]
        return LibraryMissing(f"this system's {library} is older than {version}", library=library, version=version)
    for pattern in _ABSENT:
        if (match := pattern.search(said)) is None:
            continue
        if module := match.groupdict().get("module"):
            return LibraryMissing(
                f"a library that the module {module} needs is missing; install the {_VISUAL_C}",
                module=module,
                package=_VISUAL_C,
            )
        library = match["library"]
        if package := _PACKAGES.get(library):
            said = f"the system library {library} is missing; on Debian and Ubuntu the package {package} brings it"
            return LibraryMissing(said, library=library, package=package)
        return LibraryMissing(f"the system library {library} is missing", library=library)
    return None
