"""Fakes for the tests of every part: they keep the protocols and do as they are told."""

import ctypes
import hashlib
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from mien_core import errors
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.face import Face
from mien_pipeline.options import RestoreOptions, SwapOptions
from mien_pipeline.progress import OnProgress, Progress, ignore_progress
from mien_pipeline.report import FaceReport, LeftOut, Provenance, Swapped
from mien_pipeline.trust.authority import Authority

ORDER = re.compile(r"(\w+)(?:=(\S+))?")


class FakeRuntime:
    """A worker's runtime that swaps nothing and takes its orders from the prompt of FLUX options.

    `steps=N` progress steps (2 by default), each `sleep=S` seconds long; `gate=NAME` waits in the second step until
    a file of that name lies in the state folder; `fail=CODE` refuses; `crash` raises what nobody planned for; `die`
    ends the process, `die_once=NAME` does so the first time; `deaf` ignores a cancel; `silent` stops the heart.
    The result is the target as it came.
    """

    def __init__(self, state: Path) -> None:
        self._state = state
        self.engine_name: str | None = None

    def warm(self) -> None:
        """There is nothing to load."""

    def swap(
        self,
        target: bytes,
        references: Sequence[Sequence[bytes]],
        options: SwapOptions,
        on_progress: OnProgress = ignore_progress,
        likes: Sequence[bytes] = (),
    ) -> Swapped:
        self.engine_name = options.engine
        orders = dict(ORDER.findall(options.prompt)) if isinstance(options, FluxOptions) else {}
        steps = int(orders.get("steps", 2))
        for step in range(steps):
            with _deafness(orders):
                on_progress(Progress("generate", step, steps))
            time.sleep(float(orders.get("sleep", 0)))
            if step == 1:
                self._obey(orders)
                while "gate" in orders and not (self._state / orders["gate"]).exists():
                    with _deafness(orders):
                        on_progress(Progress("generate", step, steps))
                    time.sleep(0.005)
        # Every person is in the first of their pictures, and another one in all others.
        left_out = [
            LeftOut(picture, "other-person", person)
            for person, pictures in enumerate(references)
            for picture in range(1, len(pictures))
        ]
        if {f"sha256:{hashlib.sha256(like).hexdigest()}" for like in likes} != set(options.likes):
            raise errors.InvalidOptions("a picture that is named is not here", field="faces")
        return replace(swapped(target, options.engine, len(references)), left_out=tuple(left_out))

    def restore(self, image: bytes, options: RestoreOptions, on_progress: OnProgress = ignore_progress) -> Swapped:
        on_progress(Progress("restore", 0, 1))
        return swapped(image, "vivid", 0)

    def find_faces(self, picture: bytes) -> Sequence[Face]:
        return []

    def _obey(self, orders: dict[str, str]) -> None:
        if "fail" in orders:
            kind = next(kind for kind in _leaves(errors.MienError) if kind.code == orders["fail"])
            raise kind("as the test wants it", role="target")
        if "crash" in orders:
            raise ZeroDivisionError("a secret that must not leave the worker")
        if "die" in orders or ("die_once" in orders and _first_time(self._state / "spool" / orders["die_once"])):
            os._exit(9)
        if "silent" in orders:
            _hold_the_interpreter()


def fake_runtime(models: Path, state: Path, *, offline: bool, authority: Authority) -> FakeRuntime:
    """What a daemon under test calls instead of loading networks."""
    return FakeRuntime(state)


def dying_runtime(models: Path, state: Path, *, offline: bool, authority: Authority) -> FakeRuntime:
    """A runtime whose process dies of being made."""
    os._exit(9)


def swapped(picture: bytes, engine: str, references: int) -> Swapped:
    """A result in the right shape."""
    return Swapped(
        data=picture,
        media_type="image/png",
        engine=engine,
        size=(8, 8),
        seconds=0.01,
        stages={"generate": 0.01},
        faces=tuple(FaceReport(index, (0.0, 0.0, 8.0, 8.0), True) for index in range(references)),
        provenance=Provenance(c2pa=False, watermark="none"),
    )


def _deafness(orders: Mapping[str, str]) -> AbstractContextManager[None]:
    """What a deaf runtime does with a cancel."""
    return suppress(errors.Cancelled) if "deaf" in orders else nullcontext()


def _leaves(root: type[errors.MienError]) -> list[type[errors.MienError]]:
    return [root, *(leaf for kind in root.__subclasses__() for leaf in _leaves(kind))]


def _first_time(mark: Path) -> bool:
    try:
        mark.touch(exist_ok=False)
    except FileExistsError:
        return False
    return True


def _hold_the_interpreter() -> None:
    """Sleep with the interpreter's lock held, so that no thread of this process runs: not even the heartbeat."""
    if sys.platform == "win32":
        ctypes.PyDLL("kernel32").Sleep(60_000)
    else:
        ctypes.PyDLL(None).sleep(60)
