"""RESTORERS: what repairs a face after a swap, by name, imported on demand."""

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mien_pipeline.protocols import Engine, FaceEmbedder, Restorer


@dataclass(frozen=True, slots=True)
class RestorerEntry:
    """What there is to know of a restorer before it is loaded.

    Attributes:
        name: what the names in reports begin with.
        summary: what it is, in a few words.
        module: has `load(embedder, painter) -> Restorer`; nothing of it is imported before it is wanted.
    """

    name: str
    summary: str
    module: str

    def load(self, embedder: "FaceEmbedder", painter: "Engine | None" = None) -> "Restorer":
        """The restorer.

        Args:
            embedder: what its lock on identity measures with.
            painter: FLUX.1's engine, if it is there.
        """
        return cast("Restorer", import_module(self.module).load(embedder, painter))


RESTORERS: dict[str, RestorerEntry] = {
    entry.name: entry
    for entry in (
        RestorerEntry(
            name="vivid",
            summary="skin detail, painted by FLUX.1 or from the face's own skin, with a lock on identity",
            module="mien_pipeline.restorers.vivid",
        ),
    )
}
