"""What a person calls the pictures of a job, so that a list of jobs can be read: the names of their files."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

MOST_CHARACTERS = 255  # as file systems allow
# Control characters, halves of characters, and marks that turn the direction of what follows: none of them is seen,
# and each of them can make a name look like another one.
UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
PATH = re.compile(r".*[/\\]", re.DOTALL)


@dataclass(frozen=True, slots=True)
class JobLabel:
    """Names of pictures. It lies in the row of its job and is deleted with it.

    Attributes:
        target: of the target image; None where it has none.
        references: one for each person, in order; None for a person of the library, whose name is kept there alone.
    """

    target: str | None
    references: Sequence[str | None] = ()

    @classmethod
    def read(cls, document: Mapping[str, Any]) -> Self | None:
        """The names in a JSON object, cleaned; None where no name is left."""
        target, names = clean_name(document.get("target")), document.get("references")
        references = tuple(map(clean_name, names)) if isinstance(names, list) else ()
        return cls(target, references) if target or any(references) else None

    def describe(self) -> dict[str, object]:
        """As the API and the store have it."""
        return {"target": self.target, "references": list(self.references)}


def clean_name(name: object) -> str | None:
    """The last part of a path in one line that reads as it is written; None where nothing is left."""
    if not isinstance(name, str):
        return None
    return " ".join(UNSEEN.sub(" ", PATH.sub("", name)).split())[:MOST_CHARACTERS].strip() or None
