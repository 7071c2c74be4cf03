"""What is to be made of a clip, segment by segment, as any process that renders some of it is told."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from mien_core.files import write_whole

ORDERS = "orders.json"
ANALYSIS = "analysis.npz"
OnPicture = Callable[[], None]
"""Told after every picture; what it raises ends the segment."""


@dataclass(frozen=True, slots=True)
class SegmentOrder:
    """What a helper is told of a segment; all else lies in the run's folder.

    Attributes:
        number: the segment's.
        first, stop: its first picture, and the one after its last.
        people: for each person who gets another face, which of the references.
        encoder: FFmpeg's name of it.
        quality: 1..100.
        every: of a face's pictures, which ones the engine renders; see `ClipSwap`.
    """

    number: int
    first: int
    stop: int
    people: Mapping[int, int]
    encoder: str
    quality: int
    every: int = 1


def lay_out_orders(folder: Path, clip: Path, orders: Sequence[SegmentOrder]) -> None:
    """Say in the run's folder what is to be made of which clip, for processes that come to help."""
    said = {"clip": str(clip.absolute()), "orders": [asdict(order) for order in orders]}
    write_whole(folder / ORDERS, json.dumps(said).encode(), 0o600)


def read_orders(folder: Path) -> tuple[Path, list[SegmentOrder]]:
    """The clip and what is to be made of it.

    Raises:
        OSError: nothing lies there: the run has not come so far, or has ended.
    """
    said: Mapping[str, Any] = json.loads((folder / ORDERS).read_bytes())
    return Path(said["clip"]), [_parse_order(order) for order in said["orders"]]


def _parse_order(said: dict[str, Any]) -> SegmentOrder:
    people = {int(person): place for person, place in said.pop("people").items()}
    return SegmentOrder(**said, people=people)
