"""How soon an executor would begin."""

from enum import IntEnum


class Readiness(IntEnum):
    """Soonest first."""

    READY = 0  # at once
    STARTS = 1  # once its process has started
    WAITS = 2  # after a pause, since it died lately
