"""How far an edit is, and how long its stages take."""

import time
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from threading import Event
from typing import Any, Generic, TypeVar

from mien_core.errors import Cancelled

Made = TypeVar("Made")

# Share of a swap's time by stage, in the order in which the stages begin, before anything was measured on a machine:
# progress bars start with it and do not jump, because an engine's steps dwarf the rest.
STAGE_SHARES: Mapping[str, float] = {
    "decode": 0.02,
    "identity": 0.07,
    "check": 0.03,
    "detect": 0.03,
    "generate": 0.65,
    "restore": 0.1,
    "check-result": 0.02,
    "score": 0.02,
    "mark": 0.06,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a swap is: `done` of `total` steps of `stage`."""

    stage: str
    done: int
    total: int

    @property
    def fraction(self) -> float:
        """0..1 of the whole swap."""
        before = 0.0
        for stage, share in STAGE_SHARES.items():
            if stage == self.stage:
                return min(1.0, before + share * self.done / max(1, self.total))
            before += share
        return 0.0


OnProgress = Callable[[Progress], None]
"""Told after every step; what it raises ends the swap."""

OnStep = Callable[[int, int], None]
"""(done, total) inside one stage; what it raises ends the stage."""


def ignore_progress(progress: Progress) -> None:
    """A listener that does nothing."""


def ignore_step(done: int, total: int) -> None:
    """A listener that does nothing."""


def never_backwards(on_step: OnStep) -> OnStep:
    """`on_step` for a run that may begin again: it is told only of steps beyond the last."""
    reached = 0

    def tell(done: int, total: int) -> None:
        nonlocal reached
        reached = max(reached, done)
        on_step(reached, total)

    return tell


@dataclass(frozen=True, slots=True)
class Begun(Generic[Made]):
    """Work that a thread does; `made` is what it makes."""

    made: Future[Made]
    _stopped: Event

    def stop(self) -> None:
        """End the work at its next step."""
        self._stopped.set()


@contextmanager
def begun_beside(work: Callable[[OnStep], Made], needs: Begun[Any] | None = None) -> Generator[Begun[Made]]:
    """Work in a thread while the block runs; the thread has ended when the block is left.

    Where the block raises, the work is stopped, and with it what it `needs` and may be waiting for.
    """
    stopped = Event()

    def go_on(done: int, total: int) -> None:
        if stopped.is_set():
            raise Cancelled(f"the work was stopped after {done} of {total} steps")

    with ThreadPoolExecutor(1) as thread:
        begun = Begun(thread.submit(work, go_on), stopped)
        try:
            yield begun
        except BaseException:
            for each in (begun, needs):
                if each:
                    each.stop()
            raise


class Stopwatch:
    """Seconds by stage; tells a listener when each stage begins and how far it is."""

    def __init__(
        self, on_progress: OnProgress = ignore_progress, clock: Callable[[], float] = time.perf_counter
    ) -> None:
        self.seconds: dict[str, float] = {}
        self._clock = clock
        self._started = clock()
        self._on_progress = on_progress

    @property
    def elapsed(self) -> float:
        """Seconds since this was made."""
        return self._clock() - self._started

    def stage(self, name: str) -> AbstractContextManager[None]:
        """A stage that the listener is told of."""
        self._on_progress(Progress(name, 0, 1))
        return self.time(name)

    @contextmanager
    def concurrent_stage(self, name: str, work: Callable[[], object]) -> Generator[None]:
        """A stage that runs in a thread while the block runs; both have ended when the block is left.

        What `work` raises wins over what the block raises. Its seconds are those that the end of the block waits for
        it, so that all stages add up to the whole.
        """
        self._on_progress(Progress(name, 0, 1))
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(work)
            try:
                yield
            finally:
                with self.time(name):
                    done.result()

    @contextmanager
    def time(self, name: str) -> Generator[None]:
        """Count the block's seconds for the stage `name`; seconds of a block that raises are not counted."""
        began = self._clock()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + self._clock() - began

    def step(self, stage: str, turn: int, turns: int, done: int, total: int) -> None:
        """Tell the listener of one step, when the stage runs once for each of several faces."""
        self._on_progress(Progress(stage, turn * total + done, turns * total))
