"""How far each part of a download has come, kept beside it so that the next process continues after a kill."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from mien_core.files import remove_file

# Large enough that asking again for each costs nothing, small enough to be lost without regret.
_SMALLEST_PART = 8 << 20
_LARGEST_PART = 64 << 20
_PARTS = 32
# A killed process loses at most this much of each part it was reading.
_NOTE_EVERY = 1 << 20


def part_bytes(size: int) -> int:
    """Into parts of how many bytes a file of this size is cut."""
    return min(_LARGEST_PART, max(_SMALLEST_PART, size // _PARTS))


@dataclass(frozen=True, slots=True)
class Offer:
    """What a source says it has: when it says something else later, the file has changed."""

    url: str
    size: int
    etag: str | None
    last_modified: str | None

    def changed_from(self, earlier: "Offer") -> bool:
        """True when the bytes of `earlier` cannot be continued with these.

        Two addresses may name one file differently; there the digest decides in the end.
        """
        if self.size != earlier.size:
            return True
        if self.url != earlier.url:
            return False
        if self.etag and earlier.etag:
            return self.etag != earlier.etag
        return self.last_modified != earlier.last_modified

    @property
    def validator(self) -> str | None:
        """What `If-Range` takes: a strong entity tag, or else the time of change."""
        if self.etag and not self.etag.startswith("W/"):
            return self.etag
        return None if self.etag else self.last_modified


class Journal:
    """Lines of text beside the part file: first the offer, then "part bytes" whenever a part has grown.

    Appending is all that is ever done, so a kill between any two instructions leaves at worst half a last
    line, which is ignored. Nothing here promises that bytes survived a power cut: the digest at the end does.
    """

    def __init__(self, path: Path, offer: Offer, step: int, done: dict[int, int], *, resumed: bool) -> None:
        self.offer = offer
        self.step = step
        self.resumed = resumed
        self._path = path
        self._done = [done.get(part, 0) for part in range(self.parts)]
        self._noted = list(self._done)
        self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND)

    @classmethod
    def open(cls, path: Path, offer: Offer, step: int) -> Self:
        """Go on with the journal at `path` if it is of this offer, or begin a new one."""
        earlier = _read(path)
        if earlier is not None and not offer.changed_from(earlier[0]):
            return cls(path, offer, earlier[1], earlier[2], resumed=bool(earlier[2]))
        header = json.dumps({"offer": asdict(offer), "step": step})
        path.write_text(header + "\n", encoding="ascii")
        return cls(path, offer, step, {}, resumed=False)

    @property
    def parts(self) -> int:
        return max(1, -(-self.offer.size // self.step))

    def length(self, part: int) -> int:
        return min(self.step, self.offer.size - part * self.step)

    def done(self, part: int) -> int:
        return self._done[part]

    def total(self) -> int:
        return sum(self._done)

    def grow(self, part: int, count: int) -> None:
        """So many more bytes of this part are in the file."""
        done = self._done[part] = self._done[part] + count
        if done - self._noted[part] >= _NOTE_EVERY or done == self.length(part):
            self._noted[part] = done
            os.write(self._descriptor, f"{part} {done}\n".encode())

    def close(self) -> None:
        for part, done in enumerate(self._done):
            if done != self._noted[part]:
                os.write(self._descriptor, f"{part} {done}\n".encode())
        os.close(self._descriptor)


def _read(path: Path) -> tuple[Offer, int, dict[int, int]] | None:
    """The offer, the size of a part, and how far each has come; None where there is nothing to go on with."""
    try:
        header, *lines = path.read_text(encoding="ascii").split("\n")
        fields = json.loads(header)
        offer, step = Offer(**fields["offer"]), int(fields["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    done: dict[int, int] = {}
    for line in lines[:-1]:  # what follows the last line end is half a line, or nothing
        part, _, count = line.partition(" ")
        done[int(part)] = int(count)
    return offer, step, done


def how_far(path: Path) -> tuple[int, int]:
    """How many bytes the journal at `path` counts, and of how many; zeros without one."""
    read = _read(path)
    return (sum(read[2].values()), read[0].size) if read else (0, 0)


def bytes_done(path: Path) -> int:
    """How many bytes the journal at `path` counts; 0 without one."""
    return how_far(path)[0]


def discard(part: Path) -> None:
    """Remove a part file and its journal."""
    remove_file(part)
    remove_file(journal_path(part))


def journal_path(part: Path) -> Path:
    return part.with_name(part.name + ".journal")
