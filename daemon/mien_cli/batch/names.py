"""What results are called: a pattern, and a name of its own for every input."""

from __future__ import annotations

import re
import string
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from mien_core.errors import InvalidOptions
from mien_core.outputs import fit_name

DEFAULT = "{name}-{face}{n}"
FIELDS: Mapping[str, str] = {
    "name": "the input's name without its ending",
    "face": "the reference's",
    "engine": "the engine",
    "number": "the place of the input in the journal, four digits",
    "n": "nothing, or -2, -3 … where names would be the same",
}
# Characters that some system takes in no file name, and those that lead elsewhere.
_UNSAFE = re.compile(r'[<>:"/\\|?*\x00-\x1f\x7f]')
# Names that mean devices on Windows, whatever their ending is.
_DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\..*)?", re.IGNORECASE)
_LONGEST_FACE = 60


@dataclass(frozen=True, slots=True)
class NamePattern:
    """A pattern such as `{name}-{face}{n}`."""

    text: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """The pattern, checked.

        Raises:
            InvalidOptions: `field` is "name"; it has another field than `known`, leads into a folder, would be hidden,
                or holds a character that some file systems refuse.
        """
        try:
            parts = list(string.Formatter().parse(text))
        except ValueError as error:
            raise InvalidOptions(f"name: {text!r} is no pattern ({error})", field="name", known=list(FIELDS)) from None
        for literal, name, form, conversion in parts:
            if name is not None and (name not in FIELDS or form or conversion):
                raise InvalidOptions(f"name: there is no {{{name}}} in a pattern", field="name", known=list(FIELDS))
            if _UNSAFE.search(literal):
                raise InvalidOptions(f"name: {literal!r} is not safe in a file's name", field="name")
        if not text or text.startswith((".", " ")) or all(name in {None, "n"} for _, name, _, _ in parts):
            raise InvalidOptions(
                "name: a pattern has {name}, {number}, {face} or {engine}, and does not begin with a dot or a space",
                field="name",
                known=list(FIELDS),
            )
        return cls(text)

    def fill(self, values: Mapping[str, str], count: int) -> str:
        """The stem of a name; `count` is 1 for the first name and grows while names are taken."""
        more = f"-{count}" if count > 1 else ""
        stem = self.text.format_map({**values, "n": more})
        if "{n}" not in self.text:
            stem += more
        return f"_{stem}" if _DEVICES.fullmatch(stem) else stem


def clean_label(text: str) -> str:
    """A person's name for a reference as a part of a file's name."""
    cleaned = _UNSAFE.sub("_", text).strip(". ")[:_LONGEST_FACE]
    return cleaned or "face"


@dataclass(frozen=True, slots=True)
class ResultName:
    """The names that one result may have, best first."""

    folder: Path
    values: Mapping[str, str]
    first: int = 1


@dataclass(slots=True)
class ResultNames:
    """Names for the results of one run: no two inputs get the same one, on no file system.

    Names are compared as file systems do that keep neither capital letters nor the form of accents apart.
    """

    pattern: NamePattern
    _taken: set[str] = field(default_factory=set[str])

    def reserve(self, folder: Path, values: Mapping[str, str], suffix: str) -> ResultName:
        """The first name that no input before has. Reserve in a fixed order, and names do not depend on who is first.

        Args:
            folder: where the result goes.
            values: of the pattern's fields, without `n`.
            suffix: the result's ending.
        """
        name = ResultName(folder, values)
        for count, path in self.list_names(name, suffix):
            key = compare_key(path)
            if key not in self._taken:
                self._taken.add(key)
                return ResultName(folder, values, count)
        raise RuntimeError("names never end")

    def list_names(self, name: ResultName, suffix: str) -> Iterator[tuple[int, Path]]:
        """(count, path) of every name that this result may have, the reserved one first."""
        count = name.first
        while True:
            stem = self.pattern.fill(name.values, count)
            path = fit_name(name.folder / f"{stem}{suffix}", "")
            if count > 1 and path == fit_name(name.folder / f"{self.pattern.fill(name.values, 1)}{suffix}", ""):
                path = fit_name(name.folder / f"{stem}{suffix}", f"-{count}")  # what was cut off was the number
            yield count, path
            count += 1

    def is_reserved(self, path: Path) -> bool:
        """Whether another input's result goes there."""
        return compare_key(path) in self._taken

    def take(self, path: Path) -> None:
        """Keep a name that was found on the way."""
        self._taken.add(compare_key(path))


def compare_key(path: Path) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
