"""What the worker asks of the pipeline, and how its runtime is made."""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast, runtime_checkable

from mien_core.errors import LibraryMissing
from mien_core.libraries import name_missing_library
from mien_daemon.worker.messages import SetUp
from mien_pipeline.options import RestoreOptions, SwapOptions
from mien_pipeline.progress import OnProgress
from mien_pipeline.report import Swapped
from mien_pipeline.trust.authority import Authority

if TYPE_CHECKING:
    from mien_pipeline.face import Face  # NumPy starts threads, and the cage closes before there are any


class WorkerRuntime(Protocol):
    """What `mien_pipeline.runtime.Runtime` offers."""

    @property
    def engine_name(self) -> str | None:
        """The engine in memory."""
        ...

    def warm(self) -> None:
        """Load what every swap needs, as far as it is installed."""
        ...

    def swap(
        self,
        target: bytes,
        references: Sequence[Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress,
        likes: Sequence[bytes] = (),
    ) -> Swapped: ...

    def restore(self, image: bytes, options: RestoreOptions, on_progress: OnProgress) -> Swapped: ...

    def find_faces(self, picture: bytes) -> Sequence["Face"]: ...


@runtime_checkable
class ShowsPreviews(Protocol):
    """A runtime that can show the steps of a swap."""

    def show_previews(self, on_preview: Callable[[bytes], None] | None, /) -> None:
        """Tell of JPEGs of steps from now on; None tells of none."""
        ...


@runtime_checkable
class ChecksResults(Protocol):
    """A runtime that can look at results which another machine made."""

    def check_made(self, picture: bytes, watermark: str, /) -> None:
        """Return if this machine would hand it out; raises `ContentBlocked` or `MarkingFailed`."""
        ...


@runtime_checkable
class ChecksSegments(Protocol):
    """A runtime that can look at a clip's segments which another machine made."""

    def check_segment(self, segment: Path, pictures: int, /) -> None:
        """Return if this machine would put it into a result; raises `ContentBlocked` or `MarkingFailed`."""
        ...


class MakeRuntime(Protocol):
    """What "module:function" in the configuration names."""

    def __call__(self, models: Path, state: Path, *, offline: bool, authority: Authority) -> WorkerRuntime: ...


class RefusingRuntime:
    """A runtime of a system that lacks a library: it refuses all work by that library's name."""

    engine_name = None

    def __init__(self, missing: LibraryMissing) -> None:
        self._missing = missing

    def warm(self) -> None:
        """There is nothing to load."""

    def _refuse(self, *_args: Any, **_kwargs: Any) -> NoReturn:
        raise self._missing

    swap = restore = find_faces = _refuse


def make_runtime(set_up: SetUp, authority: Authority) -> WorkerRuntime:
    """The runtime that the daemon's configuration names; one that refuses where the system lacks a library of it."""
    module, _, function = set_up.runtime.partition(":")
    try:
        make = cast("MakeRuntime", getattr(import_module(module), function))
        return make(Path(set_up.models), Path(set_up.state), offline=set_up.offline, authority=authority)
    except (ImportError, OSError) as error:
        if missing := name_missing_library(error):
            return RefusingRuntime(missing)
        raise
