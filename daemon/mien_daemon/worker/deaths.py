"""How often the worker died lately, and how long to wait before another is started."""

import time
from collections import deque
from collections.abc import Callable, Sequence


class Deaths:
    """A growing delay after each death in a row; after `most` of them within `window_s`, the worker is degraded."""

    def __init__(
        self, delays_s: Sequence[float], window_s: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._delays_s = delays_s
        self._window_s = window_s
        self._most = most
        self._clock = clock
        self._times: deque[float] = deque()
        self.in_a_row = 0  # since the worker last did something

    def add(self) -> None:
        """The worker died now."""
        self._times.append(self._clock())
        self.in_a_row += 1

    def end_row(self) -> None:
        """The worker did something: the next delay is the first one again."""
        self.in_a_row = 0

    def reset(self) -> None:
        """Forget all of them."""
        self._times.clear()
        self.in_a_row = 0

    @property
    def recent(self) -> int:
        """How many there were within the window."""
        since = self._clock() - self._window_s
        while self._times and self._times[0] <= since:
            self._times.popleft()
        return len(self._times)

    @property
    def is_degraded(self) -> bool:
        """Whether there were too many within the window."""
        return self.recent >= self._most

    @property
    def delay_s(self) -> float:
        """How long to wait after the latest death; 0 when something was done since."""
        return self._delays_s[min(self.in_a_row, len(self._delays_s)) - 1] if self.in_a_row else 0.0

    @property
    def degraded_for_s(self) -> float:
        """How long it takes until there are few enough within the window; 0 when it is not degraded."""
        return self._times[-self._most] + self._window_s - self._clock() if self.is_degraded else 0.0
