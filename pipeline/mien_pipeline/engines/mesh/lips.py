"""The colour of lips: what suits the skin that they get, and the new ones' on what stays the target's."""

import math

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.rings import fill_rings, soften_ring
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.grid import Box
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask
from mien_pipeline.media.colour import to_lab
from mien_pipeline.skin.light import average
from mien_pipeline.skin.quantile import median, quantile

LIPS_GIVE_WAY, LIPS_FEATHER = 2.0, 0.008  # doublings of the skin's lightness for the target's lip colour; face widths
# How lips' share of the skin's light changes, by channel and doubling of the skin's lightness, in doublings: on 144
# neutral portraits lips had .73, .64, 1.07 of the darkest sixth's skin and .75, .43, .57 of the lightest's.
LIP_HUE, CODE_GAMMA = (0.0, -0.43, -0.69), 2.2
LIPS_BARE = 0.33  # the quantile of their lightness below which lips may be hair
LIPS_SHINE = 0.95  # the quantile of their lightness that is their shine
# In logarithms of code values, to which so much is added: how much bluer lips may be than the target's and its skin,
# how far any part is from their mean, and how much darker and lighter they are than the target's.
LIPS_DARK, LIP_BLUER, LIP_SPREAD, LIP_LIGHT = 8.0, 0.05, 0.12, (-0.45, 0.2)
LIP_RED = 6.0  # in a of Lab, by which lips are redder than teeth at least


def temper_lips(new: Floats, target: Floats, skin: tuple[float, float], mesh: Mesh) -> Floats:
    """`new`, changed in place: lips whose hue suits the skin that they get, and near the target's on much lighter skin.

    Beside dark skin, lips are nearly as blue as it is; in the light of a fair face they would turn purple. No channel
    passes the target's. `skin` is the same where it came from and where it goes: then nothing changes.

    Args:
        new, target: (H, W, 3) float32 RGB code values 0..255, in the same place.
        skin: how light bare skin was in the reference and is in the target, in linear light.
        mesh: (468, 3) in their pixels.
    """
    doublings = math.log2((skin[1] + 1e-4) / (skin[0] + 1e-4))
    part, soft = soften_ring(new.shape, mesh, face.OUTER_LIPS, 0, LIPS_FEATHER * face_width(mesh))
    lips = (soft > 0.5) & (fill_rings(new.shape, mesh, (face.INNER_LIPS,))[part] == 0)
    if doublings == 0 or not lips.any():
        return new
    wanted = (target[part][lips].mean(0) + 1) / (_measure_lips(new[part][lips]) + 1)
    usual = np.exp2(np.clip(doublings, -LIPS_GIVE_WAY, LIPS_GIVE_WAY) * np.array(LIP_HUE) / CODE_GAMMA)
    gain = np.clip(usual, np.minimum(wanted, 1), np.maximum(wanted, 1))
    lighter = float(np.clip(doublings / LIPS_GIVE_WAY, 0, 1))
    gain = gain * np.power(wanted / gain, lighter)
    new[part] *= 1 + soft[..., None] * (gain - 1).astype(np.float32)
    new[part] *= 1 + soft[..., None] * (_calm_shine(new[part], target[part], lips) - 1) * min(1.0, max(0.0, doublings))
    return new


def bound_lips(new: Floats, target: Floats, skin: Mask, mesh: Mesh) -> Floats:
    """`new`, changed in place: lips of a hue and a lightness that lips have in the target's light.

    They are no less red than skin, hardly bluer than it and the target's lips, and not much darker or lighter than
    those; no part of them is far from their mean. A dark, coloured or shining reference makes patches of grey, violet
    and orange. `skin` (H, W) float32 in 0..1 is where both show bare skin; the others see `temper_lips`.
    """
    part, soft = soften_ring(new.shape, mesh, face.OUTER_LIPS, 0, LIPS_FEATHER * face_width(mesh))
    lips = (soft > 0.5) & (fill_rings(new.shape, mesh, (face.INNER_LIPS,))[part] == 0)
    bare = target[::4, ::4][skin[::4, ::4] > 0.5]
    if not lips.any() or not len(bare):
        return new
    light, hue = _split(new[part])
    (level, usual), (_, plain) = ((each.mean(), hue.mean(0)) for each, hue in map(_split, (target[part][lips], bare)))
    middle = hue[lips].mean(0)
    red, blue = max(middle[0], plain[0]), min(middle[2], max(plain[2], usual[2]) + LIP_BLUER)
    wanted = np.array([red, -red - blue, blue]) + np.clip(hue - middle, -LIP_SPREAD, LIP_SPREAD)
    apart = float(light[lips].mean() - level)
    bounded = np.exp(light + float(np.clip(apart, *LIP_LIGHT)) - apart + wanted) - np.float32(LIPS_DARK)
    new[part] += soft[..., None] * (bounded.astype(np.float32) - new[part])
    return new


def _split(pixels: Floats) -> tuple[Floats, Floats]:
    """(…, 1) logarithm of the light of (…, 3) code values, and (…, 3) of each channel by it."""
    logs = np.log(pixels + np.float32(LIPS_DARK))
    light = logs.mean(-1, keepdims=True)
    return light, logs - light


def _measure_lips(pixels: Floats) -> Floats:
    """(3,) the mean of the lighter two thirds of (N, 3): a moustache that hangs over lips is none of them."""
    brightness = pixels.mean(1)
    return np.asarray(pixels[brightness >= quantile(brightness, LIPS_BARE)].mean(0), np.float32)


def _calm_shine(new: Floats, target: Floats, lips: NDArray[np.bool_]) -> Floats:
    """(h, w, 1) factor by which lips of `new` shine no more than those of `target`, both (h, w, 3).

    Shine is how much the lightest are lighter than most; `lips` (h, w) says where they are.
    """
    brightness = [average(picture) + 1 for picture in (new, target)]
    middle, wanted = (median(each[lips]) for each in brightness)
    shine, theirs = (
        max(math.log(quantile(each[lips], LIPS_SHINE) / most), 1e-3)
        for each, most in zip(brightness, (middle, wanted), strict=True)
    )
    above = np.maximum(brightness[0] / middle, 1)
    return np.asarray(above ** (min(theirs / shine, 1) - 1), np.float32)[..., None]


def match_lip_colour(target: Floats, new: Floats, mesh: Mesh) -> Floats:
    """`target` with the mean colour of `new`'s lips on its own: the line between its lips loses its lipstick.

    Teeth are paler than lips and keep their own colour. `target`, `new` and the result are (H, W, 3) float32 RGB code
    values 0..255, `mesh` is (468, 3) in their pixels.
    """
    outer, inner = (fill_rings(target.shape, mesh, (ring,)) for ring in (face.OUTER_LIPS, face.INNER_LIPS))
    part = Box.covering(outer).part
    lips, shown = (outer - inner)[part] > 0, target[part]
    if not lips.any():
        return target
    paint = _find_paint(shown, lips, inner[part] > 0)[..., None]
    result = target.copy()
    result[part] += paint * (_recolour_lips(shown, shown[lips], new[part][lips]) - shown)
    return result


def _recolour_lips(shown: Floats, lips: Floats, wanted: Floats) -> Floats:
    """`shown` (h, w, 3) times what makes the mean of `lips` (N, 3) that of `wanted` (M, 3).

    Shine does not pass theirs, and no shade becomes bluer or greener beside its red than it was and than they are.
    """
    colour = wanted.mean(0) + 1
    result = np.asarray(shown * (colour / (lips.mean(0) + 1)), np.float32)
    red, was = result[..., :1] + 1, shown[..., :1] + 1
    np.minimum(result, red * np.maximum((shown + 1) / was, colour / colour[0]), out=result)
    lightest = np.maximum(quantile(wanted[:, 0], LIPS_SHINE), was)
    return np.asarray(result * np.minimum(1, lightest / red), np.float32)


def _find_paint(shown: Floats, lips: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Mask:
    """(h, w) 0..1, how far each pixel is as red as the lips and not as pale as the palest between them, the teeth."""
    red = to_lab(np.clip(shown + 0.5, 0, 255).astype(np.uint8))[..., 1]
    of_lips = float(red[lips].mean())
    of_teeth = min(quantile(red[inside], 0.1) if inside.any() else 0.0, of_lips - LIP_RED)
    return np.asarray(np.clip((red - of_teeth) / (of_lips - of_teeth), 0, 1), np.float32)
