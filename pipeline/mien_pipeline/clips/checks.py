"""Which pictures of a clip the content check looks at, in source and result: one a shot, and one a second."""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

CHECK_EVERY_S = 1


def find_next_check(time: int, time_base: Fraction) -> int:
    """The tick from which on a picture is looked at again, after the one at `time`; the first of a shot always is."""
    return time + ceil(CHECK_EVERY_S / time_base)


def find_checks(times: Sequence[int], shots: Sequence[int], time_base: Fraction) -> list[int]:
    """The numbers of the pictures that are looked at, in their order.

    Args:
        times: when each picture is shown, in ticks of `time_base` seconds.
        shots: the number of the first picture of each.
    """
    found = list[int]()
    for first, stop in pairwise((*shots, len(times))):
        number = first
        while number < stop:
            found.append(number)
            number = bisect_left(times, find_next_check(times[number], time_base), number)
    return found


@dataclass(slots=True)
class DueChecks:
    """Tells when a segment's result has to be looked at.

    It is where the source was; where no new face shows there, in the next picture with one. That depends on the segment
    alone, so that each can be rendered by another process; what one leaves to the next, `find_left` tells.

    Attributes:
        planned: what `find_checks` found.
        is_due: whether the next picture with a new face is looked at.
    """

    planned: Sequence[int]
    is_due: bool

    @classmethod
    def begin(cls, planned: Sequence[int], first: int, is_shown: Callable[[int], bool]) -> "DueChecks":
        """For a segment from picture `first` on; `is_shown` tells of a picture whether a new face is wanted in it.

        Where none was in the last picture that was looked at, the segment before may have looked at nothing.
        """
        place = bisect_right(planned, first)
        return cls(planned, place == 0 or not is_shown(planned[place - 1]))

    def find_left(self, stop: int, count: int, is_shown: Callable[[int], bool]) -> range:
        """The pictures after a segment that ends before `stop`, of which the first with a new face is looked at for it.

        There are some where a new face is wanted and could not be rendered up to that end: the next segment cannot
        know. `count` is how many pictures the clip has.
        """
        if not self.is_due or DueChecks.begin(self.planned, stop, is_shown).is_due:
            return range(0)
        place = bisect_left(self.planned, stop)
        return range(stop, self.planned[place] if place < len(self.planned) else count)

    def take(self, number: int, *, has_new_face: bool) -> bool:
        """Whether picture `number` is to be looked at now; each is asked for once, in their order."""
        place = bisect_right(self.planned, number)
        self.is_due |= place > 0 and self.planned[place - 1] == number
        wanted, self.is_due = self.is_due and has_new_face, self.is_due and not has_new_face
        return wanted
