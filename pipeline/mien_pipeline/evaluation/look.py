"""A finished swap as the measures look at it, and measures that compare a result with what was asked to stay."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.eyes import Eye
from mien_pipeline.engines.mesh.shape import mouth_openness, mouth_width
from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.topology import (
    LEFT_EYE,
    NOSE,
    OVAL,
    RIGHT_EYE,
    RIGID,
    face_width,
    head_axes,
    head_pose,
    rigid_transform,
)
from mien_pipeline.image import Floats, Pixels
from mien_pipeline.skin.mask import disc

# Code values by which a pixel may differ and count as kept: the watermark moves none by more than 3.
KEPT = 12
_DRAWN = 6  # code values from which on a pixel of a changed target counts as drawn
_AROUND = 0.5  # of a face's box, beyond which nothing of a picture may change
# Wang et al. 2004, image quality assessment: from error visibility to structural similarity; their constants.
_SSIM_DEVIATION, _SSIM_MEAN, _SSIM_SPREAD = 1.5, (0.01 * 255) ** 2, (0.03 * 255) ** 2

Eyes = tuple[Eye, Eye]
Choice = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """A target and what became of it.

    Attributes:
        original: (H, W, 3) uint8 RGB, the target's picture before a level changed it.
        before, after: the target as it was given and the result, of one size.
        seen: the target's face.
        found: (468, 3) its mesh in the result.
        eyes, made_eyes: of the target and of the result.
    """

    original: Pixels
    before: Pixels
    after: Pixels
    seen: Face
    found: Mesh
    eyes: Eyes
    made_eyes: Eyes

    @property
    def mesh(self) -> Mesh:
        """(468, 3) of the target's face."""
        if self.seen.mesh is None:
            raise ValueError("a look needs a face with a mesh")
        return self.seen.mesh


def measure_kept_pose(look: Look) -> float:
    """Degrees between the head before and after, over all three axes; a mesh saturates at about 45°."""
    before, after = (np.array(head_pose(mesh)) for mesh in (look.mesh, look.found))
    return float(np.linalg.norm(after - before))


def measure_kept_expression(look: Look) -> float:
    """How far mouth and lids differ from the target's, in hundredths: openness of both, the mouth's width."""
    before, after = (
        np.array([mouth_openness(mesh), 2 * mouth_width(mesh), *(eye.openness for eye in eyes)])
        for mesh, eyes in ((look.mesh, look.eyes), (look.found, look.made_eyes))
    )
    return float(100 * np.abs(after - before).mean())


def measure_kept_gaze(look: Look) -> float | None:
    """How far the irises are from the target's places, in hundredths of an eye's width; None where an eye is shut."""
    pairs = [pair for pair in zip(look.eyes, look.made_eyes, strict=True) if not any(eye.closed for eye in pair)]
    if not pairs:
        return None
    return float(100 * np.mean([np.hypot(made.along - eye.along, made.down - eye.down) for eye, made in pairs]))


def measure_shape(mesh: Mesh, reference: Mesh) -> float:
    """Mean distance of outline, nose and eyes from the reference's on a level head, in hundredths of a face width."""
    rigid = list(RIGID)
    rotation, scale, shift = rigid_transform(mesh[rigid], reference[rigid])
    levelled = scale * mesh @ rotation.T + shift
    shown = [*OVAL, *NOSE, *LEFT_EYE, *RIGHT_EYE]
    return float(100 * np.linalg.norm((levelled - reference)[shown, :2], axis=1).mean() / face_width(reference))


def measure_outside(look: Look) -> float:
    """The share of pixels away from every face's surroundings that changed by more than `KEPT`, in per cent."""
    x1, y1, x2, y2 = (float(edge) for edge in look.seen.bbox)
    across, down = _AROUND * (x2 - x1), _AROUND * (y2 - y1)
    outside = np.ones(look.before.shape[:2], bool)
    outside[max(0, int(y1 - down)) : int(y2 + down) + 1, max(0, int(x1 - across)) : int(x2 + across) + 1] = False
    return _share(_differs(look.before, look.after, KEPT), outside)


def measure_kept_accessory(look: Look) -> dict[str, float]:
    """Of what a level drew: `kept`, the share of pixels that stayed, and `structure`, their structural similarity."""
    drawn = _differs(look.original, look.before, _DRAWN)
    if not drawn.any():
        return {}
    kept = 1 - _share(_differs(look.before, look.after, KEPT), drawn) / 100
    alike = _structural_similarity(look.before, look.after)
    return {"kept": round(kept, 4), "structure": round(float(alike[drawn].mean()), 4)}


def measure_openness(look: Look) -> dict[str, float]:
    """The result's opening by the target's, of the mouth and of the eyes; what the target has shut is left out."""
    found: dict[str, float] = {}
    before, after = mouth_openness(look.mesh), mouth_openness(look.found)
    if before > 0.05:
        found["mouth"] = round(after / before, 4)
    lids = [(eye.openness, made.openness) for eye, made in zip(look.eyes, look.made_eyes, strict=True)]
    found["lids"] = round(float(np.mean([100 * abs(made - eye) for eye, made in lids])), 2)
    return found


def measure_hair(look: Look) -> dict[str, float]:
    """Around the forehead: `hair`, the share of pixels outside the outline that stayed; `edge`, steps in the outline.

    `edge` is the mean gradient along the outline above the brows by the target's: 1 where nothing shows.
    """
    outline = look.mesh[list(OVAL), :2]
    above = _above_brows(look)
    width = face_width(look.mesh)
    inside = np.zeros(look.before.shape[:2], np.uint8)
    cv2.fillConvexPoly(inside, cv2.convexHull(np.rint(outline).astype(np.int32)), (1,))
    near, ring = (cv2.dilate(inside, disc(max(1, round(size * width)))) for size in (0.03, 0.35))
    hair = (ring > 0) & (near == 0) & above
    inner = cv2.erode(inside, disc(max(1, round(0.03 * width))))
    band = (near > 0) & (inner == 0) & above
    found: dict[str, float] = {}
    if hair.any():
        found["hair"] = round(1 - _share(_differs(look.before, look.after, KEPT), hair) / 100, 4)
    if band.any():
        was, made = (float(_gradient(pixels)[band].mean()) for pixels in (look.before, look.after))
        found["edge"] = round(made / max(was, 1e-3), 4)
    return found


def _above_brows(look: Look) -> Choice:
    _, down = head_axes(look.mesh)
    rows, columns = np.mgrid[: look.before.shape[0], : look.before.shape[1]]
    return np.asarray((np.stack([columns, rows], 2) - look.mesh[9, :2]) @ down < 0, bool)


def _differs(one: Pixels, other: Pixels, by: float) -> Choice:
    """(H, W) where the mean of the channels' differences is more than `by` code values."""
    return np.asarray(np.abs(one.astype(np.int16) - other).mean(2) > by, bool)


def _share(where: Choice, of: Choice) -> float:
    """Per cent of `of` that `where` has; 0 of nothing."""
    return float(100 * where[of].mean()) if of.any() else 0.0


def _gradient(pixels: Pixels) -> Floats:
    grey = pixels.mean(2, dtype=np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    return np.asarray(np.hypot(across, down), np.float32)


def _structural_similarity(one: Pixels, other: Pixels) -> Floats:
    """(H, W) SSIM of the grey pictures around each pixel."""

    def blur(values: Floats) -> Floats:
        return np.asarray(cv2.GaussianBlur(values, (0, 0), _SSIM_DEVIATION), np.float32)

    a, b = (pixels.mean(2, dtype=np.float32) for pixels in (one, other))
    mean_a, mean_b = blur(a), blur(b)
    spread_a, spread_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
    together = blur(a * b) - mean_a * mean_b
    above = (2 * mean_a * mean_b + _SSIM_MEAN) * (2 * together + _SSIM_SPREAD)
    below = (mean_a**2 + mean_b**2 + _SSIM_MEAN) * (spread_a + spread_b + _SSIM_SPREAD)
    return np.asarray(above / below, np.float32)
