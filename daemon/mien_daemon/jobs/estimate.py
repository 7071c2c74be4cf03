"""How far a job is and how long it will take, from how long its stages took before on this machine."""

import time
from collections.abc import Callable, Mapping

# Shares of the time of a first job, before anything was measured here: a 1-megapixel swap with `mesh` on two cores.
# `decode`, `check` and `detect` come before the engine is asked; `generate` is most of it with any engine.
FIRST_GUESS: dict[str, float] = {
    "decode": 0.05,
    "identity": 0.15,
    "check": 0.1,
    "detect": 0.05,
    "generate": 0.4,
    "blend": 0.05,
    "restore": 0.0,
    "score": 0.1,
    "mark": 0.1,
}
NEW_WEIGHT = 0.3  # of the latest job in the running average


class Pace:
    """Seconds by stage for each kind of job: a running average that starts as shares of one second."""

    def __init__(self) -> None:
        self._seconds: dict[str, dict[str, float]] = {}

    def learn(self, kind: str, stages: Mapping[str, float]) -> None:
        """Take in what a finished job reports."""
        known = self._seconds.get(kind)
        if known is None:
            self._seconds[kind] = dict(stages)
            return
        for stage, seconds in stages.items():
            known[stage] = (1 - NEW_WEIGHT) * known.get(stage, seconds) + NEW_WEIGHT * seconds

    def is_known(self, kind: str) -> bool:
        return kind in self._seconds

    def expected(self, kind: str) -> Mapping[str, float]:
        return self._seconds.get(kind) or FIRST_GUESS

    def typical_s(self, kind: str) -> float | None:
        """Seconds of such a job, if one was ever finished."""
        return sum(self._seconds[kind].values()) if kind in self._seconds else None


class Course:
    """One running job on its way through the stages. Progress never goes back."""

    def __init__(self, pace: Pace, kind: str, clock: Callable[[], float] = time.monotonic) -> None:
        self._expected = pace.expected(kind)
        self._known = pace.is_known(kind)
        self._clock = clock
        self._began = clock()
        self._passed: set[str] = set()
        self.stage: str | None = None
        self.fraction = 0.0

    def move(self, stage: str, done: int, total: int) -> None:
        """The job is at `done` of `total` in `stage`."""
        if self.stage is not None and stage != self.stage:
            self._passed.add(self.stage)
        self.stage = stage
        whole = sum(self._expected.values()) or 1.0
        behind = sum(seconds for name, seconds in self._expected.items() if name in self._passed and name != stage)
        within = self._expected.get(stage, 0.0) * (done / total if total > 0 else 0.0)
        # 1 is said only by a job that is done.
        self.fraction = max(self.fraction, min((behind + within) / whole, 0.99))

    @property
    def eta_s(self) -> float | None:
        """Seconds to go: what is expected, stretched by how this job compares so far; None while nothing is known."""
        elapsed = self._clock() - self._began
        if self._known:
            whole = sum(self._expected.values())
            due = max(whole * (1 - self.fraction), whole - elapsed if self.fraction < 0.05 else 0.0)
            stretch = max(1.0, elapsed / (whole * self.fraction)) if self.fraction > 0.3 else 1.0
            return round(due * stretch, 1)
        return round(elapsed * (1 - self.fraction) / self.fraction, 1) if self.fraction > 0.2 else None
