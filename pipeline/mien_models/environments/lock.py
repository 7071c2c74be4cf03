"""The lock file of the engines' environment: which wheel of which package, of which digest, on which machine.

`pylock.engines.toml` is a file after PEP 751, exported from the repository's `uv.lock` with the extra `gpu` by
`nox -s lock -- write`. torch in it is what the Python package index has: CUDA 13 on Linux, the processor on Windows,
MPS on a Mac. PyTorch's own index, which has CUDA 12.6, ROCm, XPU and CUDA for Windows, is in no lock yet.
"""

import hashlib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit

from mien_core.errors import EngineUnavailable

if TYPE_CHECKING:  # the daemon's front process asks for the digest alone, and is small
    from packaging.markers import Environment
    from packaging.tags import Tag

LOCK = Path(__file__).with_name("pylock.engines.toml")


@dataclass(frozen=True, slots=True)
class LockedWheel:
    """A wheel that the lock names; `size` in bytes, `sha256` of the whole."""

    package: str
    version: str
    filename: str
    url: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Target:
    """A CPython of this machine that wheels are chosen for: its version, as (3, 12, 4)."""

    python: tuple[int, int, int]

    @property
    def environment(self) -> "Environment":
        """What markers are compared with."""
        from packaging.markers import default_environment

        short, whole = ".".join(map(str, self.python[:2])), ".".join(map(str, self.python))
        named = {
            "python_version": short,
            "python_full_version": whole,
            "implementation_version": whole,
            "implementation_name": "cpython",
            "platform_python_implementation": "CPython",
        }
        return cast("Environment", {**default_environment(), **named})

    @property
    def tags(self) -> "Iterator[Tag]":
        """What wheels it takes, the best first."""
        from packaging.tags import compatible_tags, cpython_tags, platform_tags

        platforms = list(platform_tags())
        yield from cpython_tags(self.python[:2], platforms=platforms)
        yield from compatible_tags(self.python[:2], f"cp{self.python[0]}{self.python[1]}", platforms)


class EngineLock:
    """One lock file."""

    def __init__(self, path: Path = LOCK) -> None:
        self.path = path

    @cached_property
    def sha256(self) -> str:
        """Its digest: environments of the same one are alike. Line ends do not count."""
        return hashlib.sha256(self.path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()

    def wheels(self, target: Target) -> list[LockedWheel]:
        """What an environment for `target` is made of.

        Raises:
            EngineUnavailable: the lock has nothing for this machine; `reason` is "not-locked".
        """
        from packaging.pylock import Pylock, PylockSelectError, PylockValidationError

        try:
            table = cast("Mapping[str, object]", tomllib.loads(self.path.read_text(encoding="utf-8")))
            chosen = list(Pylock.from_dict(table).select(environment=target.environment, tags=list(target.tags)))
            return [_wheel(package.name, str(package.version), wheel) for package, wheel in chosen]
        except (OSError, tomllib.TOMLDecodeError, PylockValidationError, PylockSelectError, _NotAWheel) as error:
            raise EngineUnavailable(
                f"the lock file has no environment for this machine: {error}", reason="not-locked"
            ) from error


class _NotAWheel(Exception):
    """Names a package that the lock has in another form."""


def _wheel(name: str, version: str, chosen: object) -> LockedWheel:
    from packaging.pylock import PackageWheel

    if not isinstance(chosen, PackageWheel) or chosen.url is None or chosen.size is None:
        raise _NotAWheel(name)
    filename = unquote(urlsplit(chosen.url).path.rpartition("/")[2])
    return LockedWheel(name, version, filename, chosen.url, chosen.size, str(chosen.hashes["sha256"]))
