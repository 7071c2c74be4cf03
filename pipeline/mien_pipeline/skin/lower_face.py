"""What a second look at a face reads between cheeks and chin: how even and dark its lips are, and a beard's shade.

Skin tells nothing of them, and most of what an eye still calls bad is there: see `doubt`.
"""

from functools import cache
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.face import LowerFace, Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import topology
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.skin.naturalness import (
    TEXTURE_SIDE,
    FinishedFace,
    Looks,
    fill_texture_hull,
    find_detail,
    skin_texels,
    unroll_face,
)

_FINE, _BROAD = 0.5, 3.0  # deviations of the blurs, in pixels of the texture, between which the detail of lips is
_DARKEST = 5.0  # L* that is added before lightness is divided: what is darker than that has no shade of its own
_NO_DETAIL = 0.7  # L* that is added to the detail of lips: less of it is none
_BELOW_EYES, _ABOVE_LIPS = 3, 2  # pixels of the texture that cheeks keep away from both
_JAW_AND_NOSE = (58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 98, 2, 327, 129, 358)


class _Parts(NamedTuple):
    """Parts of the texture, (S, S) bool each; `red` is the lips without what they enclose."""

    lips: NDArray[np.bool_]
    red: NDArray[np.bool_]
    cheeks: NDArray[np.bool_]
    below: NDArray[np.bool_]


def read_lower_face(pixels: Pixels, mesh: Mesh) -> LowerFace:
    """The lower face of one picture: `pixels` (H, W, 3) uint8 RGB, `mesh` (468, 3) float32 in its pixels."""
    light, parts = unroll_face(pixels, mesh), _parts()
    cheeks = float(light[parts.cheeks].mean())
    return LowerFace(
        lips_dark=cheeks - float(light[parts.red].mean()),
        lips_even=_compare_sides(light, parts.lips),
        lips_detail=float(find_detail(light, parts.lips, _FINE, _BROAD)[parts.lips].std()),
        shade=float(np.log((cheeks + _DARKEST) / (float(light[parts.below].mean()) + _DARKEST))),
    )


def look_at_lower_face(finished: FinishedFace, reference: LowerFace, landmarks: float) -> Looks:
    """What a finished face shows beside the target's and the `reference`'s; `landmarks` as it was measured."""
    was = read_lower_face(finished.before, finished.old_mesh)
    now = read_lower_face(finished.after, finished.mesh)
    plainer = min(was.lips_detail, reference.lips_detail)
    lips = float(np.log2((now.lips_detail + _NO_DETAIL) / (plainer + _NO_DETAIL)))
    return Looks(landmarks, now.shade - was.shade, lips)


def _compare_sides(light: Floats, part: NDArray[np.bool_]) -> float:
    """-1..1, how much the left of a part is the right's mirror image."""
    both = part & part[:, ::-1]
    left, right = (each[both] - each[both].mean() for each in (light, light[:, ::-1]))
    return float((left * right).sum() / np.sqrt((left**2).sum() * (right**2).sum() + 1))


@cache
def _parts() -> _Parts:
    lips, inner = fill_texture_hull(face.OUTER_LIPS), fill_texture_hull(face.INNER_LIPS)
    off = _grow(lips, 2) | _grow(fill_texture_hull(face.UNDER_NOSE), 1)
    below = fill_texture_hull(_JAW_AND_NOSE).astype(bool) & ~off
    rows = np.arange(TEXTURE_SIDE)[:, None] + 0.5
    eyes, mouth = (_find_row(each) for each in (face.LEFT_EYE + face.RIGHT_EYE, face.OUTER_LIPS))
    between = (rows > eyes + _BELOW_EYES) & (rows < mouth - _ABOVE_LIPS)
    return _Parts(_grow(lips, 1), (lips > 0) & (inner == 0), skin_texels() & between & ~below, below)


def _find_row(vertices: tuple[int, ...]) -> float:
    return float(topology().uv[list(vertices), 1].mean()) * TEXTURE_SIDE


def _grow(part: Pixels, by: int) -> NDArray[np.bool_]:
    return cv2.dilate(part, np.ones((2 * by + 1, 2 * by + 1), np.uint8)) > 0
