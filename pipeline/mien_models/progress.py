"""How a pull tells what it is doing."""

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

Stage = Literal["checking", "downloading", "converting", "installing", "verifying", "done"]


@dataclass(frozen=True, slots=True)
class PullProgress:
    """Where the pull of one model is; bytes are of the whole model, resumed ones included."""

    model: str
    stage: Stage
    done_bytes: int = 0
    total_bytes: int = 0
    bytes_per_s: float = 0.0
    note: str = ""

    @property
    def eta_s(self) -> float | None:
        """Seconds to go at the present rate; None while there is none."""
        if self.bytes_per_s <= 0:
            return None
        return max(0, self.total_bytes - self.done_bytes) / self.bytes_per_s


OnPull = Callable[[PullProgress], None]
"""Told about every change, a few times a second at most; what it raises ends the pull."""


def ignore_pull(progress: PullProgress) -> None:
    """The listener that does nothing."""


_WINDOW_S = 5.0  # long enough to be steady, short enough to follow a changing line
_EVERY_S = 0.1


class Reporter:
    """Counts one pull's bytes, works out the rate, and tells the listener a few times a second. One thread only."""

    def __init__(
        self,
        model: str,
        total: int,
        on_progress: OnPull,
        moving: Stage = "downloading",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`moving` is what it is called when bytes go by."""
        self.total = total
        self._model = model
        self._on_progress = on_progress
        self._moving: Stage = moving
        self._clock = clock
        self._stage: Stage = "checking"
        self._finished = 0
        self._done = 0
        self._told_at = -math.inf
        self._marks: deque[tuple[float, int]] = deque()

    def stage(self, stage: Stage) -> None:
        """What is being done now; always told."""
        self._stage = stage
        self._tell()

    def tick(self) -> None:
        """Nothing new; a chance for the listener to end this."""
        if self._clock() - self._told_at >= _EVERY_S:
            self._tell()

    def note(self, words: str) -> None:
        """Something a person should see once; always told."""
        self._tell(words)

    def source_bytes(self, count: int) -> None:
        """So many bytes of the present source are there; told now and then."""
        if self._stage != self._moving:
            self._marks.clear()
            self._stage = self._moving
        self._done = self._finished + count
        now = self._clock()
        self._marks.append((now, self._done))
        while len(self._marks) > 2 and now - self._marks[0][0] > _WINDOW_S:
            self._marks.popleft()
        self.tick()

    def more_bytes(self, count: int) -> None:
        """So many more bytes of the present source."""
        self.source_bytes(self._done - self._finished + count)

    def finish_source(self, size: int) -> None:
        """The present source is through; the next one counts on from here."""
        self._finished += size
        self._done = self._finished

    def _rate(self) -> float:
        if len(self._marks) < 2:
            return 0.0
        (since, before), (now, after) = self._marks[0], self._marks[-1]
        return max(0.0, (after - before) / (now - since)) if now > since else 0.0

    def _tell(self, note: str = "") -> None:
        self._told_at = self._clock()
        self._on_progress(PullProgress(self._model, self._stage, self._done, self.total, self._rate(), note))
