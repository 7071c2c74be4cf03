"""How far a job is and how long it will take, from how long its stages took before on this machine."""

import time
from collections.abc import Callable, Mapping

from mien_pipeline.progress import STAGE_SHARES

NEW_WEIGHT = 0.3  # of the latest job in the running average
MOST = 0.99  # progress of a job that is not done; only a job that is done says 1

# A time left is told only once these shares of the job are over; before that the figure would jump.
EXTRAPOLATE_FROM = 0.2  # a first job: elapsed time, extrapolated
COMPARE_FROM = 0.3  # a known kind: stretched by how much slower this job is than usual
COUNT_DOWN_UNTIL = 0.05  # a known kind that has reported almost nothing: the usual time less what has passed


# Of a clip: 12 ms of looking, 65 of rendering and encoding a picture, and a few seconds for joining and signing.
CLIP_SHARES: Mapping[str, float] = {"detect": 0.15, "generate": 0.8, "mark": 0.05}
# Writing a picture of 640 × 360 took 175 ms in a GIF and 29 in a WebP; one of noise took a second, and 74 to 120 ms.
ANIMATION_SHARES: Mapping[object, Mapping[str, float]] = {
    "gif": {"detect": 0.08, "generate": 0.32, "mark": 0.6},
    "webp": {"detect": 0.12, "generate": 0.58, "mark": 0.3},
}
CLIP_EXTRAPOLATE_FROM = 0.02  # one picture of fifty takes as long as the next


class StageDurations:
    """Seconds by stage for each kind of job: a running average of the jobs that finished here."""

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
        """Whether such a job has finished before."""
        return kind in self._seconds

    def expected(self, kind: str) -> Mapping[str, float]:
        """Seconds by stage; for a kind that is not known, shares of one second."""
        return self._seconds.get(kind) or STAGE_SHARES

    def typical_s(self, kind: str) -> float | None:
        """Seconds of such a job; None when none has finished."""
        return sum(self._seconds[kind].values()) if kind in self._seconds else None

    @property
    def typical(self) -> Mapping[str, float]:
        """Seconds of a job of each kind that has finished before."""
        return {kind: sum(stages.values()) for kind, stages in sorted(self._seconds.items())}


def find_clip_shares(options: Mapping[str, object]) -> Mapping[str, float]:
    """Of the stages of a clip's job with these options."""
    return ANIMATION_SHARES.get(options.get("format"), CLIP_SHARES)


class ProgressEstimate:
    """How far one running job is. The fraction never falls."""

    def __init__(
        self,
        durations: StageDurations,
        kind: str,
        clock: Callable[[], float] = time.monotonic,
        clip_shares: Mapping[str, float] = CLIP_SHARES,
    ) -> None:
        self._clip_shares = clip_shares
        self._expected = durations.expected(kind)
        self._is_known = durations.is_known(kind)
        self._clock = clock
        self._began = clock()
        self._passed: set[str | None] = set()
        self._is_clip = False
        self._went_on_at: float | None = None
        self.stage: str | None = None
        self.fraction = 0.0
        self.frames: tuple[int, int] | None = None
        self.segments: tuple[int, int] | None = None

    def move(self, stage: str, done: int, total: int, segments: tuple[int, int] | None = None) -> None:
        """The job is at `done` of `total` in `stage`; `segments` are a clip's, whose steps are pictures."""
        self._passed.add(self.stage)
        self.stage = stage
        if segments is not None and not self._is_clip:
            # How long a clip takes depends on its length: what pictures, or other clips, took says nothing.
            self._expected, self._is_clip = self._clip_shares, True
        self.frames = (done, total) if self._is_clip and total > 1 else None
        self.segments = segments if segments and segments[1] else None
        if self.frames and self._went_on_at is None:
            self._began, self._went_on_at = self._clock(), self._share_of(stage, done, total)
        self.fraction = max(self.fraction, min(self._share_of(stage, done, total), MOST))

    def _share_of(self, stage: str, done: int, total: int) -> float:
        whole = sum(self._expected.values()) or 1.0
        behind = sum(seconds for name, seconds in self._expected.items() if name in self._passed and name != stage)
        within = self._expected.get(stage, 0.0) * (done / total if total > 0 else 0.0)
        return (behind + within) / whole

    @property
    def eta_s(self) -> float | None:
        """Seconds to go: what is expected, stretched by how this job compares so far; None while nothing is known."""
        elapsed = self._clock() - self._began
        if self._is_clip:
            gained = self.fraction - (self._went_on_at or 0.0)
            return round(elapsed * (1 - self.fraction) / gained, 1) if gained > CLIP_EXTRAPOLATE_FROM else None
        if not self._is_known:
            remaining = 1 - self.fraction
            return round(elapsed * remaining / self.fraction, 1) if self.fraction > EXTRAPOLATE_FROM else None
        whole = sum(self._expected.values())
        due = max(whole * (1 - self.fraction), whole - elapsed if self.fraction < COUNT_DOWN_UNTIL else 0.0)
        stretch = max(1.0, elapsed / (whole * self.fraction)) if self.fraction > COMPARE_FROM else 1.0
        return round(due * stretch, 1)
