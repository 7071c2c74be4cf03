"""A reference's beard as a layer of its own: its skin is shaved and relit as all skin is, and the hair laid over that.

Hair keeps its colour on any skin. What would make dark skin fair would make black hair grey.
"""

import math
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np

from mien_pipeline.engines.mesh.beard import NOSTRILS, draw_growth, draw_outline, fill_hull, fit_plane
from mien_pipeline.engines.mesh.hidden import SIDE
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import resample
from mien_pipeline.faces.grid import Grid
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.light import average, blur
from mien_pipeline.skin.likelihood import Choice
from mien_pipeline.skin.mask import disc, plain_skin, rise, smooth_step, under_eyes

_REACH, _TRUST_IN_PLANE = 6.0, 0.2  # texels over which bare skin beside a beard decides; weight of the plane
_BEND, _BLACK = (-0.5, 0.3), 0.005  # logarithms by which it bends; linear light below which a logarithm says nothing
_SPARSE = 0.04  # of a texel that is hair: less is shade
_AROUND, _EDGE = 2, 1.2  # texels around hair that are shaved too; deviation of their edge
_RIM, _FADE = 4, (0.0, 2.0)  # texels: inside the outline that is made; from it over which hair begins
_DARK = 0.35  # the quantile of dense hair's light by skin's that is hair alone
_SHADE, _OPAQUE = 0.08, 0.85  # of the skin's light: what is darker by less is no hair; how far dense hair hides skin
_THINS, _TORN, _MOST_HAIR = 0.012, 0.5, 1.8  # of the texture's side; share of the hairs; times what is around
_LIGHT = 0.06  # face widths over which the light on hair changes
_LIGHTER, _HUE = 0.65, 0.22  # exponent of what makes skin lighter, for hair; logarithms by which skins differ in hue
_COLOURED = (0.1, 0.3)  # logarithms of red by blue of a face, from which it has a colour, and surely: skin has .3 to 2


@dataclass(frozen=True, slots=True, eq=False)
class DrawnBeard:
    """A beard on a picture.

    Attributes:
        colour: (H, W, 3) uint8 RGB, of hair alone.
        share: (H, W) float32 in 0..1, how much of a pixel that is.
    """

    colour: Pixels
    share: Mask


@dataclass(frozen=True, slots=True, eq=False)
class Beard:
    """Hair that was taken off a texture.

    Attributes:
        colour: (S, S, 3) uint8 RGB, of hair alone.
        share: (S, S) uint8, 255 where nothing of the skin shows through it.
        shaven: (S, S) uint8, 255 where skin was made up for it.
    """

    colour: Pixels
    share: Pixels
    shaven: Pixels

    def fit(self, side: int) -> "Beard":
        """The same at another size, (side, side)."""
        colour, share, shaven = (
            np.asarray(cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA), np.uint8)
            for part in (self.colour, self.share, self.shaven)
        )
        return Beard(colour, share, shaven)

    def draw(self, places: Floats) -> DrawnBeard:
        """On a picture; `places` (H, W, 2) say where in the texture's pixels each of its pixels is."""
        colour, share = (resample(part, places) for part in (self.colour, self.share))
        return DrawnBeard(np.asarray(colour, np.uint8), np.asarray(share / np.float32(255), np.float32))


def shave(colour: Pixels, validity: Pixels, hair: Mask) -> tuple[Pixels, Beard]:
    """A texture without its beard, and the beard.

    `colour` is (S, S, 3) uint8 RGB, `validity` (S, S) uint8, 255 where it shows the face; `hair`
    (SIDE, SIDE, 2) see `find_hair`.
    """
    size, side = (SIDE, SIDE), colour.shape[0]
    small = np.asarray(cv2.resize(colour, size, interpolation=cv2.INTER_AREA), np.uint8)
    seen = np.asarray(cv2.resize(validity, size, interpolation=cv2.INTER_AREA) > 127)
    skin, made = _guess_skin(small, hair[..., 0], seen), _draw_made(hair[..., 0])
    layers = np.dstack([skin, made, hair * _begins()[..., None]])
    full = np.asarray(cv2.resize(layers, (side, side)), np.float32)
    below, share = np.ascontiguousarray(full[..., :3]), full[..., 3:4]
    hue, hidden = _take_off(to_linear(colour), below, full[..., 4], full[..., 5])
    shaven = colour + share * (to_srgb(below) - colour.astype(np.float32))
    beard = Beard(hue, *(np.round(part * 255).astype(np.uint8) for part in (hidden, full[..., 3])))
    return np.clip(shaven + 0.5, 0, 255).astype(np.uint8), beard


def _guess_skin(small: Pixels, hair: Mask, seen: Choice) -> Floats:
    """(SIDE, SIDE, 3) linear light of the skin below a beard: a plane through bare skin, bent to what is near."""
    logs = np.log(to_linear(small) + np.float32(_BLACK))
    bare = np.logical_or.reduce([fill_hull(group) for group in (*plain_skin(), *under_eyes())]) & seen
    bare = bare if bare.any() else draw_outline() > 0
    plane = np.dstack([fit_plane(np.ascontiguousarray(logs[..., channel]), bare) for channel in range(3)])
    near = (1 - np.asarray(cv2.dilate(hair, disc(_AROUND)), np.float32)) ** 2 * (seen & (draw_outline() > 0))
    for ring in (face.OUTER_LIPS, face.LEFT_EYE, face.RIGHT_EYE, face.LEFT_BROW, face.RIGHT_BROW, face.NOSE):
        near = near * ~fill_hull(tuple(ring), 2)
    trust = np.asarray(near, np.float32)
    bend = blur(np.asarray((logs - plane) * trust[..., None], np.float32), _REACH)
    bend /= blur(trust, _REACH)[..., None] + np.float32(_TRUST_IN_PLANE)
    return np.asarray(np.maximum(np.exp(plane + np.clip(bend, *_BEND)) - _BLACK, _BLACK), np.float32)


def _draw_made(hair: Mask) -> Mask:
    """(SIDE, SIDE) 0..1 where skin is made up: below hair, around it and along the jaw; not on lips and nostrils."""
    wide = cv2.dilate((hair > _SPARSE).astype(np.uint8), disc(_AROUND))
    made = blur(np.maximum(wide, _rim()).astype(np.float32), _EDGE)
    features = fill_hull(face.OUTER_LIPS) | fill_hull(NOSTRILS, 1)
    return np.asarray(made * (1 - blur(features.astype(np.float32), 0.5)), np.float32)


def _take_off(light: Floats, skin: Floats, grows: Mask, dense: Mask) -> tuple[Pixels, Mask]:
    """The colour of the hair over `skin`, both (S, S, 3) linear light, and its share; the others see `find_hair`."""
    own, below = average(light) + np.float32(1e-4), average(skin) + np.float32(1e-4)
    ratio = own / below
    sure = grows > 0.7
    dark = min(float(np.quantile(ratio[sure], _DARK)) if sure.any() else 0.3, 0.6)
    share = np.clip((1 - _SHADE - ratio) / (1 - _SHADE - dark), 0, 1) * grows
    share = np.maximum(share, _OPAQUE * smooth_step(np.asarray((dense - 0.6) / 0.4, np.float32)))
    alone = np.clip((own - (1 - share) * below) / np.maximum(share, np.float32(0.1)), 0.3 * own, own)
    hair = light[(share > 0.7) & (ratio < dark)]
    return to_srgb(np.clip(alone[..., None] * _find_hue(hair), 0, 1).astype(np.float32)), _even_out(share)


def _find_hue(hair: Floats) -> Floats:
    """(3,) the hue of (N, 3) linear light of hair, its mean 1: grey, or brown and no more violet than that."""
    if not len(hair):
        return np.ones(3, np.float32)
    red, green, blue = (max(float(part), 1e-4) for part in hair.mean(0))
    green = min(green, red)
    brown = np.array([red, green, min(blue, green**2 / red)])
    return np.asarray(brown / brown.mean(), np.float32)


def _even_out(share: Mask) -> Mask:
    """(S, S) hair that thins out towards its ends and has no holes: a torn edge is no beard's."""
    side = share.shape[0]
    around = blur(blur(share, _THINS * side), _THINS * side)
    detail = np.clip(share / np.maximum(around, np.float32(0.05)), 0, _MOST_HAIR)
    return np.asarray(np.minimum(around * (1 - _TORN + _TORN * detail), 1), np.float32)


def lay_beard(new: Floats, drawn: Pixels, beard: DrawnBeard, grid: Grid, width: float) -> Floats:
    """`new` with hair over it, in its light but in its own colour; in its skin's hue, if the reference has no colour.

    Args:
        new: (H, W, 3) float32 RGB code values 0..255, the shaven face in the target's light.
        drawn: (H, W, 3) uint8 RGB, the same in the reference's.
        beard: in their pixels.
        grid: over them.
        width: of the face, in pixels.
    """
    if not beard.share.any():
        return new
    was, now = (
        blur(to_linear(np.clip(grid.shrink(part), 0, 255).astype(np.uint8)), _LIGHT * width / grid.step)
        for part in (drawn.astype(np.float32), new)
    )
    logs = np.log((now + np.float32(2e-3)) / (was + np.float32(2e-3)))
    mean = average(np.asarray(logs, np.float32))[..., None]
    hue = logs - mean
    hue = np.sign(hue) * np.maximum(np.abs(hue) - _HUE * _rate_colour(was), 0)
    gain = np.exp(np.where(mean > 0, _LIGHTER * mean, mean) + hue).astype(np.float32)
    light = to_linear(beard.colour) * grid.enlarge(gain, new.shape[:2])
    bluest = grid.enlarge(np.maximum(now[..., 1:] / np.maximum(now[..., :2], 1e-4), 1), new.shape[:2])
    for channel in (1, 2):  # hair is brown, red or grey, but in coloured light
        light[..., channel] = np.minimum(light[..., channel], light[..., channel - 1] * bluest[..., channel - 1])
    lit = to_srgb(np.clip(light, 0, 1).astype(np.float32))
    return np.asarray(new + beard.share[..., None] * (lit - new), np.float32)


def _rate_colour(light: Floats) -> float:
    """0 for a face (h, w, 3) in linear light whose skin is grey, 1 for one in colour."""
    red, _, blue = (float(part) for part in np.median(light.reshape(-1, 3), 0))
    return rise(abs(math.log((red + 2e-3) / (blue + 2e-3))), _COLOURED)


@cache
def _rim() -> Pixels:
    """(SIDE, SIDE) 1 along the outline of the jaw, inside it, else 0."""
    outline = draw_outline()
    return np.asarray((outline > 0) & (cv2.erode(outline, disc(_RIM)) == 0) & (draw_growth() > 0), np.uint8)


@cache
def _begins() -> Mask:
    """(SIDE, SIDE) 0..1: hair begins softly at the outline of the face."""
    depth = np.asarray(cv2.distanceTransform(draw_outline(), cv2.DIST_L2, 3), np.float32)
    return smooth_step(np.asarray((depth - _FADE[0]) / (_FADE[1] - _FADE[0]), np.float32))
