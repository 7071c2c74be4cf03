"""Times of a clip, in whole ticks."""

from fractions import Fraction

_MOST = 2**31 - 1  # what MP4 takes


def output_base(base: Fraction) -> Fraction:
    """The time base of an MP4 file in which every time of `base` is a whole number of ticks: 1/N."""
    return Fraction(1, base.denominator) if base.denominator <= _MOST else Fraction(1, 90_000)
