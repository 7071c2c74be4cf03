"""The colour of lips: what suits the skin that they get, and the new ones' on what stays the target's."""

import math

import numpy as np
from numpy.typing import NDArray

from mien_pipeline.engines.mesh.rings import fill_rings, soften_ring
from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask
from mien_pipeline.media.colour import to_lab
from mien_pipeline.skin.light import average, blur
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
# The same, by how much red is more of lips than of the skin around: on 58 portraits .05 to .2 without lipstick, .2 to
# .4 with; two lips of .54 glowed on another face.
LIPSTICK = 0.45
LIP_RED, PALER = 6.0, 10.0  # in a of Lab, by which lips are surely redder than what they are not; in L, paler teeth
BESIDE, PAINT_SMOOTH = 0.03, 0.008  # face widths: skin beside lips; deviation of a blur before colours are read


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

    They are no less red than skin, no redder than lipstick, hardly bluer than skin and the target's lips, and not much
    darker or lighter than those; no part of them is far from their mean. A dark, coloured or shining reference makes
    patches of grey, violet and orange. `skin` (H, W) float32 in 0..1 is where both show bare skin; the others see
    `temper_lips`.
    """
    part, soft = soften_ring(new.shape, mesh, face.OUTER_LIPS, 0, LIPS_FEATHER * face_width(mesh))
    lips = (soft > 0.5) & (fill_rings(new.shape, mesh, (face.INNER_LIPS,))[part] == 0)
    bare = target[::4, ::4][skin[::4, ::4] > 0.5]
    if not lips.any() or not len(bare):
        return new
    light, hue = _split(new[part])
    (level, usual), (_, plain) = ((each.mean(), hue.mean(0)) for each, hue in map(_split, (target[part][lips], bare)))
    middle = hue[lips].mean(0)
    red = float(np.clip(middle[0], plain[0], max(plain[0] + LIPSTICK, usual[0])))
    blue = min(middle[2], max(plain[2], usual[2]) + LIP_BLUER)
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
    """`target` with the usual colour of `new`'s lips on its own: the line between its lips loses its lipstick.

    Teeth are paler than lips and keep their own colour, and so does skin that the mesh counts as lips. What changes is
    smooth: edges, shine and grain stay those of `target`. `target`, `new` and the result are (H, W, 3) float32 RGB code
    values 0..255, `mesh` is (468, 3) in their pixels.
    """
    width = face_width(mesh)
    part, near = soften_ring(target.shape, mesh, face.OUTER_LIPS, BESIDE * width, LIPS_FEATHER * width)
    outer, inner = (fill_rings(target.shape, mesh, (ring,))[part] > 0 for ring in (face.OUTER_LIPS, face.INNER_LIPS))
    lips, beside = outer & ~inner, (near > 0.5) & ~outer
    if not lips.any() or not beside.any():
        return target
    shown, result = blur(target[part], PAINT_SMOOTH * width), target.copy()
    outline = np.minimum(2 * blur(outer.astype(np.float32), LIPS_FEATHER * width), 1)
    paint = outline * _find_paint(shown, lips, inner, beside)
    change = _recolour_lips(shown, *(np.median(each[lips], 0) for each in (target[part], new[part])))
    result[part] *= 1 + paint[..., None] * (change - 1)
    most = np.maximum(quantile(new[part][lips][:, 0], LIPS_SHINE), target[part][..., :1])
    result[part] *= np.minimum(1, most / (result[part][..., :1] + 1e-3))
    return result


def _recolour_lips(shown: Floats, lips: Floats, wanted: Floats) -> Floats:
    """(h, w, 3) factor that makes the colour of `lips` (3,) that of `wanted` (3,) on `shown` (h, w, 3).

    No shade becomes bluer or greener beside its red than it was and than they are.
    """
    colour, was = wanted + 1, shown + 1
    result = was * (colour / (lips + 1))
    red = result[..., :1]
    return np.asarray(np.minimum(result, red * np.maximum(was / was[..., :1], colour / colour[0])) / was, np.float32)


def _find_paint(shown: Floats, lips: NDArray[np.bool_], inside: NDArray[np.bool_], beside: NDArray[np.bool_]) -> Mask:
    """(h, w) 0..1, how far each pixel is of lips: redder than what is between them, teeth, and than the skin beside.

    Where lips are no redder than skin, all that the mesh says are; between such lips what is no paler than they are.
    """
    lab = to_lab(np.clip(shown + 0.5, 0, 255).astype(np.uint8))
    light, red = lab[..., 0], lab[..., 1]
    of_lips = median(red[lips])
    of_teeth = quantile(red[inside], 0.1) if inside.any() else of_lips
    by_skin = _rate_red(red, of_lips, median(red[beside]), np.ones_like(red))
    pale = np.clip((light - median(light[lips])) / PALER, 0, 1) * inside
    return np.asarray(np.minimum(_rate_red(red, of_lips, of_teeth, 1 - pale), by_skin), np.float32)


def _rate_red(red: Mask, of_lips: float, of_others: float, unsure: Mask) -> Mask:
    """(h, w) 0..1, how near each red is to that of lips and not to the others'; `unsure` where both are alike."""
    apart = of_lips - of_others
    sure = float(np.clip(2 * apart / LIP_RED - 1, 0, 1))
    rated = np.clip(2 * (red - of_others) / max(apart, LIP_RED / 2) - 0.5, 0, 1)
    return np.asarray(unsure + sure * (rated - unsure), np.float32)
