"""RESTORERS: what repairs a face after a swap, by name, imported on demand."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from mien_pipeline.options import SwapOptions
    from mien_pipeline.protocols import Engine, FaceEmbedder, Restorer


@dataclass(frozen=True, slots=True)
class RestorerEntry:
    """What there is to know of a restorer before it is loaded.

    Attributes:
        name: what the names in reports begin with.
        summary: what it is, in a few words.
        module: has `load(embedder, painter, painting) -> Restorer`; nothing of it is imported before it is wanted.
        painting: the engine that can paint for it, and its options for that.
    """

    name: str
    summary: str
    module: str
    painting: Mapping[str, object]

    def load(
        self,
        embedder: "FaceEmbedder",
        painter: "Engine | None" = None,
        painting: "SwapOptions | None" = None,
    ) -> "Restorer":
        """The restorer.

        Args:
            embedder: what its lock on identity measures with.
            painter: the engine that `painting` names, if it is there.
            painting: `painting` as that engine's own options.
        """
        return cast("Restorer", import_module(self.module).load(embedder, painter, painting))


RESTORERS: dict[str, RestorerEntry] = {
    entry.name: entry
    for entry in (
        RestorerEntry(
            name="vivid",
            summary="skin detail, painted by FLUX.1 or from the face's own skin, with a lock on identity",
            module="mien_pipeline.restorers.vivid",
            # A third of the noise leaves features where they are and lets skin be painted anew. Judged, not measured.
            # The drift gate compares two people; here there is one, and Vivid's own lock.
            painting={"engine": "flux", "strength": 0.3, "drift_gate": False},
        ),
    )
}
