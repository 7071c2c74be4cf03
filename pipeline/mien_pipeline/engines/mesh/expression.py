"""Expression: an open mouth and shut eyes stay the target's; folds of a smile that it does not have go."""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.eyes import EyeSwap
from mien_pipeline.engines.mesh.lips import LIPS_FEATHER
from mien_pipeline.engines.mesh.rings import fill_rings, soften_ring
from mien_pipeline.engines.mesh.shape import mouth_agreement, mouth_openness, smile
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Grid
from mien_pipeline.faces.topology import face_width, head_pose, topology
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.skin.light import blur, light_ratio
from mien_pipeline.skin.quantile import quantile

LIP_EDGE = 0.006  # face widths of lip around the opening that stay the target's: the dark line between lips
OWN_TEETH, ALIKE = 0.05, 0.9  # openness by which mouths may differ that show the reference's teeth; `mouth_agreement`
SHOWS_TEETH = 0.1  # openness: less shows too little of them to be worth an exchange
TURNED_ALIKE_DEG, TURNED_DEG = 10.0, 16.0  # by which heads may differ, and be turned, for the same
# By how much more a reference's mouth is open for lips to stay the target's, at first and all of them; the openness up
# to which a target's do, and from which they do not; face widths around them that stay as well.
GRIN, TALKING, LIPS_KEPT = (0.12, 0.22), (0.15, 0.25), 0.008
MOUTH_OPENS = 0.08  # of its width: a mouth that is open so far shows teeth, not a line
EYE_MARGIN, EYE_FEATHER = 0.008, 0.006  # face widths around an open eye that is kept
LIDS, LIDS_FEATHER = 0.045, 0.018  # face widths around a shut eye
SURROUNDINGS = 0.1  # face widths over which what is kept takes the new face's colours
WHITES, LIGHTER_WHITES = 0.85, 1.1  # the quantile of an eye's lightness that is its white; how much lighter it may be
WHITES_HUE = (0.75, 1.35)  # of the mean change, within which a channel of an eye changes
CALM = 0.01  # face widths: deviation of a blur without which noise is a hue
# The quantiles of skin's red and of its blue by green that eyes and lids do not pass; in logarithms, how much bluer an
# iris is than the target's whites and its bluest skin, and yellower what is black; face widths around an eye for these.
REDDEST, YELLOWEST, BLUE_IRIS, BROWN_IRIS, SOCKET, SOCKET_FEATHER = 0.5, 0.1, 0.4, 0.8, 0.03, 0.012
# Where a smile folds the skin, from the nose's wing to beside the chin, and how wide, in face widths.
FOLD = (129, 203, 206, 216, 212, 202, 204, 211)
FOLD_WIDTH, FOLD_FEATHER = 0.06, 0.02
FOLD_SCALE = 0.03  # face widths: a fold is finer than this, the shape of a cheek is not


def eyes_and_lips_mask(shape: tuple[int, ...], mesh: Mesh) -> Mask:
    """(H, W) float32: 1 inside the eyes and the lips of a (468, 3) mesh in these pixels, else 0."""
    return fill_rings(shape, mesh, (face.LEFT_EYE, face.RIGHT_EYE, face.OUTER_LIPS))


def mouths_agree(mesh: Mesh, reference: Mesh) -> bool:
    """Whether the reference's teeth fit between the target's lips: two (468, 3) meshes open and hold them alike.

    Neither head may be turned much, and both about as far: teeth lie behind the lips.
    """
    opens = [mouth_openness(each) for each in (mesh, reference)]
    if min(opens) <= SHOWS_TEETH or abs(opens[0] - opens[1]) >= OWN_TEETH or mouth_agreement(mesh, reference) <= ALIKE:
        return False
    turned = [head_pose(each)[0] for each in (mesh, reference)]
    return abs(turned[0] - turned[1]) < TURNED_ALIKE_DEG and max(abs(yaw) for yaw in turned) < TURNED_DEG


def target_mouth_mask(shape: tuple[int, ...], mesh: Mesh, reference: Mesh) -> Mask:
    """(H, W) float32 in 0..1, how much of the target's own picture stays between its lips; the lips too under a laugh.

    That is 0 for two closed mouths, and for two that are open alike: see `mouths_agree`. Beside a mouth with more teeth
    to show, twice as much of the lips' edge stays: where the mesh is a little off, a tooth would lie on a lip.
    `mesh` is the target's (468, 3), in these pixels; `reference` the reference's (468, 3), in any frame.
    """
    kept = np.zeros(shape[:2], np.float32)
    if mouths_agree(mesh, reference):
        return kept
    own, other = mouth_openness(mesh), mouth_openness(reference)
    edge, teeth = LIP_EDGE * face_width(mesh), float(np.clip((other - own) / SHOWS_TEETH, 0, 1))
    part, soft = soften_ring(shape, mesh, face.INNER_LIPS, max(1.0, (1 + teeth) * edge), edge)
    kept[part] = min(1.0, max(own, other) / MOUTH_OPENS) * soft
    if grin := _rate_grin(own, other):
        width = face_width(mesh)
        part, soft = soften_ring(shape, mesh, face.OUTER_LIPS, LIPS_KEPT * width, LIPS_FEATHER * width)
        kept[part] = np.maximum(kept[part], grin * soft)
    return kept


def _rate_grin(own: float, other: float) -> float:
    """1 where the reference laughs and the target does not, 0 where they are nearer: a laugh drawn shut is no mouth.

    `own` and `other` are how far their mouths are open.
    """
    differs, talks = (other - own - GRIN[0]) / (GRIN[1] - GRIN[0]), (TALKING[1] - own) / (TALKING[1] - TALKING[0])
    return float(np.clip(differs, 0, 1) * np.clip(talks, 0, 1))


def light_teeth(new: Floats, drawn: Pixels, target: Floats, mesh: Mesh, reference: Mesh) -> Floats:
    """`new`, changed in place: the reference's teeth, where they are shown, in the light of the target's.

    Args:
        new, target: (H, W, 3) float32 RGB code values 0..255, in the same place.
        drawn: (H, W, 3) uint8 RGB, the new face before its light was changed.
        mesh: the target's (468, 3), in their pixels.
        reference: the reference's (468, 3), in any frame.
    """
    part, soft = soften_ring(new.shape, mesh, face.INNER_LIPS, 0, LIP_EDGE * face_width(mesh))
    inside = soft > 0.5
    if mouths_agree(mesh, reference) and inside.any():
        relit = _light_by_whites(drawn[part], target[part], inside)
        new[part] += soft[..., None] * (relit - new[part])
    return new


def target_eyes_mask(shape: tuple[int, ...], mesh: Mesh, eyes: tuple[EyeSwap, EyeSwap]) -> Mask:
    """(H, W) float32 in 0..1, how much of the target's own picture stays in its eyes; `mesh` (468, 3) in its pixels.

    Of shut eyes the lids and what surrounds them stay as well: the reference's are painted for an open eye.
    """
    kept, width = np.zeros(shape[:2], np.float32), face_width(mesh)
    for ring, eye in zip((face.LEFT_EYE, face.RIGHT_EYE), eyes, strict=True):
        if eye.share < 1:
            margin, feather = (LIDS, LIDS_FEATHER) if eye.shut else (EYE_MARGIN, EYE_FEATHER)
            part, soft = soften_ring(shape, mesh, ring, max(1.0, margin * width), feather * width)
            kept[part] = np.maximum(kept[part], (1 - eye.share) * soft)
    return kept


def match_surroundings(target: Floats, new: Floats, skin: Mask, kept: Mask, grid: Grid, width: float) -> Floats:
    """`target` in the colours that `new` has around the part that is kept, (H, W, 3) float32.

    Args:
        target, new: (H, W, 3) float32 RGB code values 0..255, in the same place.
        skin: (H, W) float32 in 0..1, where both show skin.
        kept: (H, W) float32 in 0..1, the part of `target` that stays.
        grid: over both.
        width: of the face, in pixels.
    """
    old, other = grid.shrink(target), grid.shrink(new)
    weight = grid.shrink(np.asarray(skin * (1 - kept), np.float32))
    ratio = light_ratio(
        np.float32(1 / 255) * old, np.float32(1 / 255) * other, weight, SURROUNDINGS * width / grid.step
    )
    return np.asarray(target * grid.enlarge(np.clip(ratio, 0.3, 3.0).astype(np.float32), target.shape[:2]), np.float32)


def dim_eyes(
    new: Floats,
    drawn: Pixels,
    target: Floats,
    skin: tuple[float, float],
    mesh: Mesh,
    eyes: tuple[EyeSwap, EyeSwap],
) -> Floats:
    """`new`, changed in place: eyes in the light of the target's whites where a face is made lighter, and no lighter.

    What makes a dark skin fair would make its whites glow and its brown irises blue.

    Args:
        new, target: (H, W, 3) float32 RGB code values 0..255, in the same place.
        drawn: (H, W, 3) uint8 RGB, the new face before its light was changed.
        skin: how light bare skin was in the reference and is in the target, in linear light.
        mesh: (468, 3) in their pixels.
        eyes: how each is rendered.
    """
    lighter = float(np.clip(math.log2((skin[1] + 1e-4) / (skin[0] + 1e-4)), 0, 1))
    for ring, eye in zip((face.LEFT_EYE, face.RIGHT_EYE), eyes, strict=True):
        part, soft = soften_ring(new.shape, mesh, ring, 0, EYE_FEATHER * face_width(mesh))
        inside = soft > 0.5
        if eye.share == 0 or not inside.any():
            continue
        mine, theirs = (_measure_whites(picture[part][inside]) for picture in (new, target))
        gain = min(1.0, (theirs.mean() * LIGHTER_WHITES + 4) / (mine.mean() + 4))
        new[part] *= 1 + np.float32(gain - 1) * soft[..., None]
        relit = _light_by_whites(drawn[part], target[part], inside)
        brightness = new[part].mean(2, keepdims=True)
        relit *= np.minimum(1, (brightness + 1) / (relit.mean(2, keepdims=True) + 1))
        new[part] += lighter * soft[..., None] * (relit - new[part])
    return new


def calm_eyes(new: Floats, target: Floats, skin: Mask, mesh: Mesh) -> Floats:
    """`new`, changed in place: eyes and lids no redder or yellower than the target's skin, nor bluer than its whites.

    What is more was the light of a lamp, a varnish or a veil that is not there. Irises are brown or a little bluer.
    `new` and `target` are (H, W, 3) float32 RGB code values 0..255, in the same place; `skin` (H, W) float32 in 0..1 is
    where both show skin, `mesh` (468, 3) in their pixels.
    """
    smooth = blur(target[::2, ::2], CALM * face_width(mesh) / 2)
    shown = smooth[skin[::2, ::2] > 0.5]
    if not len(shown):
        return new
    red, blue = _measure_hue(shown)
    reddest, light = quantile(red, REDDEST), float(shown.mean()) + 1
    yellowest, bluest = quantile(blue, YELLOWEST), quantile(blue, 1 - YELLOWEST)
    for ring in (face.LEFT_EYE, face.RIGHT_EYE):
        part, soft = soften_ring(new.shape, mesh, ring, SOCKET * face_width(mesh), SOCKET_FEATHER * face_width(mesh))
        inside = soft > 0.5
        if not inside.any():
            continue
        brightness = new[part].mean(2, keepdims=True)
        white = float(_measure_hue(_measure_whites(target[part][inside]))[1])
        red, blue = _measure_hue(new[part])
        new[part][..., 0] *= np.exp(-soft * np.maximum(red - reddest, 0))
        least = yellowest - BROWN_IRIS * np.maximum(1 - brightness[..., 0] / light, 0)
        new[part][..., 2] *= np.exp(soft * (np.clip(blue, least, max(white, bluest) + BLUE_IRIS) - blue))
        new[part] *= (brightness + 1) / (new[part].mean(2, keepdims=True) + 1)
    return new


def _measure_hue(pixels: Floats) -> tuple[Floats, Floats]:
    """(…) each, the logarithms of red and of blue by green of (…, 3) code values."""
    logs = np.log(pixels + np.float32(8))
    return logs[..., 0] - logs[..., 1], logs[..., 2] - logs[..., 1]


def _light_by_whites(drawn: Pixels, target: Floats, inside: NDArray[np.bool_]) -> Floats:
    """`drawn` (h, w, 3) in the light that makes its whites, where `inside`, those of `target` in the same place."""
    own, theirs = (_measure_whites(picture[inside]) for picture in (drawn, target))
    channels = (theirs + 4) / (own + 4)
    return np.asarray(drawn * channels.mean() * np.clip(channels / channels.mean(), *WHITES_HUE), np.float32)


def _measure_whites(eye: Floats | Pixels) -> Floats:
    """(3,) the mean of the lightest pixels of an eye or a mouth, (N, 3)."""
    lightness = eye.mean(1)
    return np.asarray(eye[lightness >= quantile(lightness, WHITES)].mean(0), np.float32)


def remove_smile_folds(new: Floats, mesh: Mesh, reference: Mesh, grid: Grid) -> Floats:
    """`new` without the folds beside the mouth that only the reference's smile made; `new` itself without such folds.

    Nothing of the target's replaces them: its wrinkles belong to its identity more than to its smile.

    Args:
        new: (H, W, 3) float32 RGB code values 0..255.
        mesh: (468, 3) the target's, in its pixels.
        reference: (468, 3) the reference's, in any frame.
        grid: over `new`.
    """
    if smile(mesh) >= smile(reference):
        return new
    near = _fold_mask(mesh, grid) * (1 - mouth_agreement(mesh, reference))
    own = grid.shrink(new)
    fine = np.asarray((own - blur(own, FOLD_SCALE * face_width(mesh) / grid.step)) * near[..., None], np.float32)
    folds = grid.enlarge(fine, new.shape[:2])
    return np.subtract(new, folds, out=folds)


def _fold_mask(mesh: Mesh, grid: Grid) -> Mask:
    """(h, w) of the grid: 1 where a smile folds the skin, soft at the edges."""
    mirror = topology().mirror
    lines = [FOLD, tuple(int(mirror[vertex]) for vertex in FOLD)]
    paths = [np.round(grid.locate(mesh)[list(line)] * 16).astype(np.int32) for line in lines]
    width = face_width(mesh) / grid.step
    near = np.zeros((grid.height, grid.width), np.uint8)
    cv2.polylines(near, paths, False, (1,), max(1, round(FOLD_WIDTH * width)), cv2.LINE_8, 4)
    return blur(near.astype(np.float32), FOLD_FEATHER * width)
