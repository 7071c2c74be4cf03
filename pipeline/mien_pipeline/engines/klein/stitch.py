"""The made picture as a patch of the target: its mask, and the target's light and grain on it."""

from dataclasses import replace

import numpy as np

from mien_pipeline.engines.diffusion import target
from mien_pipeline.engines.diffusion.target import Cut
from mien_pipeline.engines.klein.head import head_mask
from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Image, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.grain import match_grain
from mien_pipeline.skin.light import light_ratio
from mien_pipeline.skin.mask import cheek_mask, face_mask, oval_mask

# How much of the difference in light and colour is taken back: all of it would give the new face the old one's skin.
LIGHT_SHARE = 0.35
# Of the blur that leaves the light, in face widths.
LIGHT_WIDTHS = 0.25


def face_region(original: Pixels, was: Face, now: Face) -> Mask:
    """(H, W) float32 in 0..1: inside both faces' contours, less what covers the target's: its hair, glasses, hands.

    Args:
        original: (H, W, 3) uint8 RGB, the target there.
        was, now: the target's face and the made one, in its pixels.
    """
    if was.mesh is None or now.mesh is None:
        return _box_region(original.shape[:2], was)
    return np.minimum(face_mask(original, was.mesh), oval_mask(original.shape[:2], now.mesh))


def head_region(original: Pixels, made: Pixels, was: Face, now: Face) -> Mask:
    """(H, W) float32 in 0..1: where either head is; arguments as `face_region`, `made` is (H, W, 3) uint8 RGB."""
    return np.maximum(head_mask(original, was), head_mask(made, now))


def _box_region(shape: tuple[int, ...], face: Face) -> Mask:
    whole = Cut(0, 0, shape[1], shape[0], 1.0, (shape[1], shape[0]), (shape[1], shape[0]))
    return target.mask_for(face, whole)


def match_light(made: Pixels, original: Pixels, weight: Mask, sigma_px: float) -> Pixels:
    """`made`, (H, W, 3) uint8 RGB, with `LIGHT_SHARE` of the way to the light of `original` in the same place."""
    mine, theirs = to_linear(made), to_linear(original)
    ratio = np.asarray(light_ratio(mine, theirs, weight, sigma_px) ** LIGHT_SHARE, np.float32)
    return to_srgb(mine * ratio)


def stitch(image: Image, made: Pixels, cut: Cut, was: Face, now: Face, region: str) -> Patch:
    """The patch of a made picture, already registered.

    Args:
        image: the target.
        made: (outer height, outer width, 3) uint8 RGB, the working picture.
        was, now: the target's face and the made one, in the target's pixels.
        region: "face" or "head".
    """
    bare = target.patch(made, np.ones((cut.height, cut.width), np.float32), cut)
    original = np.ascontiguousarray(image.pixels[cut.top : cut.top + cut.height, cut.left : cut.left + cut.width])
    before, after = (shift_face(face, cut) for face in (was, now))
    is_head = region == "head"
    inside = head_region(original, bare.crop, before, after) if is_head else face_region(original, before, after)
    mask = np.minimum(inside, _inside_edges(cut, image))
    width = face_width(was.mesh) if was.mesh is not None else float(was.bbox[2] - was.bbox[0])
    skin = mask if after.mesh is None else np.minimum(mask, oval_mask(mask.shape, after.mesh))
    lit = match_light(bare.crop, original, skin, LIGHT_WIDTHS * width)
    return replace(bare, crop=_match_grain(lit, original, mask, after), mask=mask)


def shift_face(face: Face, cut: Cut) -> Face:
    """The face in cut pixels."""
    shift = np.array([cut.left, cut.top], np.float32)
    mesh = None if face.mesh is None else face.mesh - np.append(shift, np.float32(0))
    return replace(face, bbox=face.bbox - np.tile(shift, 2), kps=face.kps - shift, mesh=mesh)


def _inside_edges(cut: Cut, image: Image) -> Mask:
    """(cut.height, cut.width) 1, and 0 at those edges of the cut behind which the target goes on."""
    mask = np.ones((cut.height, cut.width), np.float32)
    mask[0] = float(cut.top == 0)
    mask[-1] = float(cut.top + cut.height == image.height)
    mask[:, 0] *= float(cut.left == 0)
    mask[:, -1] *= float(cut.left + cut.width == image.width)
    return mask


def _match_grain(made: Pixels, original: Pixels, mask: Mask, now: Face) -> Pixels:
    values: Floats = made.astype(np.float32)
    skin = mask if now.mesh is None else mask * cheek_mask(mask.shape, now.mesh)
    grained = match_grain(values, original, mask, skin) + 0.5
    return np.asarray(np.clip(grained, 0, 255), np.uint8)
