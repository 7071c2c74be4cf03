"""What of a face shows, found in a few pictures of a clip and known of those between: kept on the face's texture."""

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.eyes import SeenEye
from mien_pipeline.engines.mesh.lamps import NO_LAMPS, Lamps
from mien_pipeline.engines.mesh.veil import NO_VEIL, Veil
from mien_pipeline.face import Mesh
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.raster import Raster, extend_edges, rasterise
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Mask
from mien_pipeline.report import SwapWarning
from mien_pipeline.skin.tone import Tone

SIDE = 256  # texels: one and a half to a pixel of the mask's own size, which is 144 pixels for a face's width


@dataclass(frozen=True, slots=True, eq=False)
class KnownFace:
    """What shows of a target face.

    Attributes:
        own: (SIDE, SIDE) float32 in 0..1 on the texture, 1 where it is the face's own.
        warnings: what covers it.
        lamps: the light from one side that it is in.
        eyes: both, in each of the pictures that this is known from.
        tone: the one of a grey or toned picture.
        veil: the light that lies over it.
    """

    own: Floats
    warnings: tuple[SwapWarning, ...]
    lamps: Lamps | None = None
    eyes: tuple[tuple[SeenEye, SeenEye], ...] = ()
    tone: Tone | None = None
    veil: Veil | None = None

    @classmethod
    def keep(
        cls,
        own: Mask,
        mesh: Mesh,
        warnings: tuple[SwapWarning, ...],
        lamps: Lamps | None = None,
        eyes: tuple[tuple[SeenEye, SeenEye], ...] = (),
        beard: Mask | None = None,
        tone: Tone | None = None,
        veil: Veil | None = None,
    ) -> "KnownFace":
        """Keep what was found in a picture.

        `own` is (H, W) float32 in 0..1, `mesh` (468, 3) in its pixels; `beard` is on the texture, and not the face's.
        """
        shown = np.asarray(resample(own, _unroll(mesh)), np.float32)
        if beard is not None:
            shown = np.minimum(shown, 1 - np.asarray(cv2.resize(beard, shown.shape), np.float32))
        return cls(shown, warnings, lamps, eyes, tone, veil)

    def mix(self, other: "KnownFace", share: float) -> "KnownFace":
        """What shows between two pictures, at `share` 0..1 of the way to the other."""
        warnings = self.warnings if share < 0.5 else other.warnings
        own = np.asarray(self.own + np.float32(share) * (other.own - self.own), np.float32)
        lamps = (self.lamps or NO_LAMPS).mix(other.lamps or NO_LAMPS, share)
        nearer = (self if share < 0.5 else other).tone
        tone = self.tone.mix(other.tone, share) if self.tone and other.tone else nearer
        veil = (self.veil or NO_VEIL).mix(other.veil or NO_VEIL, share) if self.veil or other.veil else None
        return KnownFace(own, warnings, lamps if lamps.is_seen else None, self.eyes + other.eyes, tone, veil)

    def draw(self, places: Floats, grid: Grid, shape: tuple[int, ...]) -> Mask:
        """(H, W) float32 in 0..1 where it shows; `places` (h, w, 2) say where on the texture `grid`'s pixels are."""
        return draw_on_face(self.own, places, grid, shape)


def draw_on_face(part: Mask, places: Floats, grid: Grid, shape: tuple[int, ...]) -> Mask:
    """(H, W) a mask (S, S) of the texture; `places` (h, w, 2) say where on the texture `grid`'s pixels are."""
    full = grid.enlarge(np.asarray(places * part.shape[0] - 0.5, np.float32), shape)
    return np.asarray(resample(part, full), np.float32)


def _unroll(mesh: Mesh) -> Floats:
    """(SIDE, SIDE, 2) float32, where in the picture each texel of a (468, 3) mesh is; beside the face the nearest."""
    raster = _rasterise_texture()
    return extend_edges(raster.interpolate(np.asarray(mesh[:, :2], np.float32)), raster.covered)


@cache
def _rasterise_texture() -> Raster:
    """The canonical face on its texture, mouth and eyes closed."""
    canonical = topology()
    triangles = np.concatenate([canonical.triangles, canonical.closing])
    flat = np.zeros(len(canonical.uv), np.float32)
    return rasterise(np.asarray(canonical.uv * SIDE - 0.5, np.float32), flat, triangles, (SIDE, SIDE))
