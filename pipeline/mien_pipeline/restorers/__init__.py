"""RESTORERS: what repairs a face after a swap, by name, imported on demand."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mien_pipeline.protocols import FaceEmbedder, Restorer


@dataclass(frozen=True, slots=True)
class RestorerEntry:
    """What there is to know of a restorer before it is loaded.

    Attributes:
        name: as in reports.
        summary: what it is, in a few words.
        module: has `load(embedder) -> Restorer`; nothing of it is imported before it is wanted.
    """

    name: str
    summary: str
    module: str

    def load(self, embedder: "FaceEmbedder") -> "Restorer":
        """The restorer; `embedder` is what its lock on identity measures with."""
        return cast("Restorer", import_module(self.module).load(embedder))


RESTORERS: dict[str, RestorerEntry] = {
    entry.name: entry
    for entry in (
        RestorerEntry(
            name="vivid",
            summary="skin detail from the face's own unsmoothed regions, with a lock on identity",
            module="mien_pipeline.restorers.vivid",
        ),
    )
}
