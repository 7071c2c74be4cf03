"""The new face in the target's light."""

import cv2
import numpy as np
from numpy.typing import NDArray

from mien_pipeline.faces.grid import Grid
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.light import average, blur, light_ratio
from mien_pipeline.skin.mask import disc, smooth_step
from mien_pipeline.skin.quantile import median, quantile

LIGHT_SIGMA = 0.25  # face widths: shading wider than this is the target's, finer the reference's
OUTLINE_SIGMA = 0.08  # the same at the new face's outline, where it lies beside the target's skin
OUTLINE_REACH = 0.12  # face widths, deviation of the blur that tells how near the outline is
FEWEST_PX = 3.0  # that deviation on the copy on which it is worked out
LEAST_SEEN = 0.1  # of a place must show skin, or what is around it decides
HUE_DETAIL = 0.7  # how much of the reference's patches of hue stay on its skin
HUE_GOES = 0.5  # how much more of it goes where its skin becomes four times as light: blue shadows would turn to paint
SHINE_GOES = 2.0  # doublings of lightness at which all shine goes
STRIPE_PX = 512
SHINE_DETAIL = 0.7  # how much of its shine stays where its skin becomes twice as light
WEAK = 3.0  # times: a reference that is made lighter by more gives skin whose texture is noise and blocks
GRAIN_PX, SHAPE_PX = 0.5, 3.0  # deviations, on the grid, between which that texture lies
ROUGHER = 1.1  # times the target's texture, which is left of it
LEAST_SHADE = 0.35  # of its shading that a reference keeps on a flatly lit target: its shape shows in it
# The quantile of the target's shades that is its deepest; the least that counts, in logarithms; how much of what is
# deeper a reference's skin keeps.
DEEPEST, LEAST_DEEP, DEEPER = 0.07, 0.35, 0.15
FAINT = 0.03  # in logarithms of light: contrast that is not seen
# What is darker than the skin around it by so much is hair: from the first logarithm of light on, surely by the second.
HAIR_DARKER = (0.7, 1.2)
HUE_RANGE, HUE_MARGIN = (0.02, 0.98), 0.1  # quantiles of the target's skin, and logarithms by which a hue may pass them
DULL = 1.8  # times the geometric mean around: what is lighter is shine
SPOT_WIDTH = 0.035  # face widths: radius of a disc in which no spot of shine fits
SPOT = (1.3, 1.8)  # times the darkest light around, from which skin is a spot of shine, and surely one


def relight(
    drawn: Pixels, target: Pixels, skin: Mask, features: Mask, shown: Mask, hair: Mask, grid: Grid, width: float
) -> Pixels:
    """`drawn` with the target's shading and colour cast, (H, W, 3) uint8 RGB.

    Args:
        drawn, target: (H, W, 3) uint8 RGB, in the same place.
        skin: (H, W) float32 in 0..1, where both show skin: light is learnt only there.
        features: (H, W) float32 in 0..1, eyes and lips, which have hues of their own.
        shown: (H, W) float32 in 0..1, where the new face will show.
        hair: (h, w) float32 in 0..1 on the grid, where hair may grow.
        grid: over both.
        width: of the face, in pixels.
    """
    sigma_px = LIGHT_SIGMA * width / grid.step
    coarse, weight = grid.shrink(to_linear(drawn)), grid.shrink(skin * (1 - features))
    bare = _remove_spots(coarse, weight, width / grid.step)
    there = grid.shrink(to_linear(target))
    matt_here, matt_there = (_dull(light, weight, sigma_px) for light in (bare, there))
    ratio = light_ratio(matt_here, matt_there, weight, sigma_px)
    ratio = _fit_outline(ratio, matt_here, matt_there, weight, grid.shrink(shown), width / grid.step)
    lighter = np.asarray(np.clip(np.log2(average(ratio)), 0, 1), np.float32)[..., None]
    bare = np.asarray(coarse + lighter * (bare - coarse), np.float32)
    shine = remove_shine(bare, ratio, weight, sigma_px)
    matt = np.asarray(shine * (bare + 1e-5) / (coarse + 1e-5), np.float32)
    plain = np.maximum(1 - blur(grid.shrink(features), 0.01 * width / grid.step), 0)
    calm = np.asarray(matt * _even_out(coarse * matt, ratio, weight, sigma_px), np.float32)
    calm *= _smooth_texture(coarse * ratio * calm, there, ratio, weight)
    calm *= _flatten_shade(coarse * ratio * calm, there, weight, hair, sigma_px)
    calm *= _limit_hue(coarse * ratio * calm, there, weight)
    even = calm ** plain[..., None]
    factor, lit = grid.enlarge(np.asarray(ratio * even, np.float32), drawn.shape), np.empty_like(drawn)
    for top in range(0, len(drawn), STRIPE_PX):  # in stripes: the light of a large face takes four times its bytes
        rows = slice(top, top + STRIPE_PX)
        lit[rows] = to_srgb(to_linear(drawn[rows]) * factor[rows])
    return lit


def _fit_outline(ratio: Floats, drawn: Floats, target: Floats, weight: Mask, shown: Mask, width: float) -> Floats:
    """`ratio` (h, w, 3) with the target's finer shading too near the outline of what is `shown`: no step there.

    Args:
        drawn, target: (h, w, 3) float32 RGB in linear light.
        weight: (h, w) float32 in 0..1, where both show skin.
        shown: (h, w) float32 in 0..1, where the new face will show.
        width: of the face, in pixels of these.
    """
    height, across = weight.shape
    step = max(1, int(OUTLINE_SIGMA * width / FEWEST_PX))
    size = max(1, across // step), max(1, height // step)
    parts = (ratio, drawn, target, weight, shown)
    wide, source, there, skin, face = (
        np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.float32) for part in parts
    )
    sigma_px = OUTLINE_SIGMA * width / step
    near = np.clip(2 * (1 - blur(face, OUTLINE_REACH * width / step)), 0, 1)
    seen = blur(skin, sigma_px)
    share = np.asarray(near * seen / (seen + LEAST_SEEN), np.float32)[..., None]
    factor = np.asarray((light_ratio(source, there, skin, sigma_px) / wide) ** share, np.float32)
    return np.asarray(ratio * cv2.resize(factor, (across, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _dull(light: Floats, weight: Mask, sigma_px: float) -> Floats:
    """(h, w, 3) `light` whose skin is nowhere much lighter than what is usual around: shine makes no dark skin grey."""
    trust = np.asarray(weight + 1e-3, np.float32)
    brightness = average(light) + 1e-4
    usual = np.exp(_blur_trusted(np.log(brightness), trust, sigma_px))
    return np.asarray(light * np.minimum(1, DULL * usual / brightness)[..., None], np.float32)


def _remove_spots(light: Floats, weight: Mask, width: float) -> Floats:
    """`light` (h, w, 3) without spots of shine on skin: what is small and much lighter than all around it.

    `weight` is (h, w) float32 in 0..1, where it shows skin; `width` that of the face.
    """
    trust, far = np.asarray(weight[..., None] + 1e-3, np.float32), LIGHT_SIGMA * width / 2
    around = blur(np.asarray(light * trust, np.float32), far) / blur(trust, far)[..., None]
    # Brows and shadows count as skin: what lies between two of them is no spot.
    filled = np.asarray(np.maximum(light, 0.85 * around), np.float32)
    opened = np.asarray(cv2.morphologyEx(filled, cv2.MORPH_OPEN, disc(max(1, round(SPOT_WIDTH * width)))), np.float32)
    above = np.asarray((average(light) + 1e-4) / (average(opened) + 1e-4), np.float32)
    spots = smooth_step((above - SPOT[0]) / (SPOT[1] - SPOT[0])) * weight
    return np.asarray(light + spots[..., None] * (blur(opened, 1.5) - light), np.float32)


def _smooth_texture(new: Floats, target: Floats, ratio: Floats, weight: Mask) -> Floats:
    """(h, w, 1) factor that calms noise and blocks of a weak reference, down to what the target's skin shows.

    `new` and `target` are (h, w, 3) float32 RGB in linear light, `ratio` what the first was multiplied by.
    """
    skin = weight > 0.5
    if np.count_nonzero(skin) < 64:
        return np.ones((*weight.shape, 1), np.float32)
    bands = [
        blur(shade, GRAIN_PX) - blur(shade, SHAPE_PX)
        for shade in (np.log(np.maximum(average(light), 0) + np.float32(0.01)) for light in (new, target))
    ]
    have, want = (median(np.abs(band[skin])) for band in bands)
    gain = float(np.clip(ROUGHER * want / max(have, 1e-4), 0.3, 1))
    weak = np.clip(np.log2(average(ratio) / WEAK), 0, 1)
    return np.asarray(np.exp((gain - 1) * weak * bands[0])[..., None], np.float32)


def _flatten_shade(new: Floats, target: Floats, weight: Mask, grows: Mask, sigma_px: float) -> Floats:
    """(h, w, 1) factor after which skin has no more contrast than the target's; brows and beards keep theirs.

    Dark skin shows shape by shine and deep shade. Fair skin scatters light into its shades: on it they would be dirt.

    Args:
        new, target: (h, w, 3) float32 RGB in linear light, in the same place.
        weight: (h, w) float32 in 0..1, where both show skin.
        grows: (h, w) float32 in 0..1, where hair may grow.
        sigma_px: shading wider than this is the target's already.
    """
    skin = weight > 0.5
    if np.count_nonzero(skin) < 64:
        return np.ones((*weight.shape, 1), np.float32)
    trust = np.asarray(weight + 1e-3, np.float32)
    shades = [
        _blur_trusted(light, trust, GRAIN_PX) - _blur_trusted(light, trust, sigma_px)
        for light in (np.log(np.maximum(average(each), 0) + np.float32(0.01)) for each in (new, target))
    ]
    have, want = (median(np.abs(shade[skin] - median(shade[skin]))) for shade in shades)
    share = float(np.clip((want + FAINT) / (have + FAINT), LEAST_SHADE, 1))
    hair = smooth_step((-shades[0] - HAIR_DARKER[0]) / (HAIR_DARKER[1] - HAIR_DARKER[0])) * grows
    bare = skin & (grows < 0.5)
    deepest = max(-quantile(shades[1][bare], DEEPEST), LEAST_DEEP) if bare.any() else np.inf
    left = share * shades[0]
    left -= (1 - DEEPER) * np.minimum(left + deepest, 0)
    return np.asarray(np.exp((1 - hair) * (left - shades[0]))[..., None], np.float32)


def _limit_hue(new: Floats, target: Floats, weight: Mask) -> Floats:
    """(h, w, 3) factor that takes from skin what no skin of the target's has: the hue of a lamp beside the reference.

    What is darker than skin may be greyer: beards are. Arguments as for `_flatten_shade`.
    """
    skin = weight > 0.5
    if np.count_nonzero(skin) < 64:
        return np.ones_like(new)
    hues, known = (_read_hue(light) for light in (new, target))
    shade = np.log(median(average(target)[skin]) + 0.01) - np.log(average(np.asarray(new, np.float32)) + 0.01)
    grey = smooth_step(np.asarray((shade - HAIR_DARKER[0] / 2) / (HAIR_DARKER[1] - HAIR_DARKER[0]), np.float32))
    excess = np.zeros_like(hues)
    for channel in range(2):
        low, high = (quantile(known[..., channel][skin], share) for share in HUE_RANGE)
        low, high = low - HUE_MARGIN, high + HUE_MARGIN
        values = hues[..., channel]
        least, most = low + grey * (min(low, 0.0) - low), high + grey * (max(high, 0.0) - high)
        excess[..., channel] = values - np.clip(values, least, most)
    away = np.dstack([excess[..., 0], np.zeros(weight.shape, np.float32), excess[..., 1]])
    factor = np.exp(-away)
    brightness = average(np.asarray(new, np.float32)) / np.maximum(average(np.asarray(new * factor, np.float32)), 1e-5)
    return np.asarray(factor * brightness[..., None], np.float32)


def _read_hue(light: Floats) -> Floats:
    """(h, w, 2) float32, the logarithms of red by green and of blue by green of (h, w, 3) linear light."""
    logs = np.log(np.maximum(light, 0) + np.float32(0.01))
    return np.asarray(logs[..., ::2] - logs[..., 1:2], np.float32)


def _blur_trusted(values: Floats, trust: Mask, sigma_px: float) -> Floats:
    """`values` (h, w) after a Gaussian blur in which each counts by its `trust` (h, w), above 0."""
    return np.asarray(blur(np.asarray(values * trust, np.float32), sigma_px) / blur(trust, sigma_px), np.float32)


def remove_shine(light: Floats, ratio: Floats, weight: Mask, sigma_px: float) -> Floats:
    """(h, w, 3) factor that takes shine off skin that is made lighter: shine is light's colour, not the skin's.

    A pixel is skin of one hue and so much white shine on it: the dichromatic model. How much of the shine goes grows
    with how much lighter the skin becomes; the target's own light comes with `ratio`.

    Args:
        light: (h, w, 3) float32 RGB in linear light.
        ratio: (h, w, 3) float32, what it will be multiplied by.
        weight: (h, w) float32 in 0..1, where it shows skin.
        sigma_px: within which skin has one hue.

    Source: Tan & Ikeuchi 2005, separating reflection components of textured surfaces using a single image.
    """
    trust = np.asarray(weight[..., None] + 1e-3, np.float32)
    if float((light[..., 0] * trust[..., 0]).sum()) < float((light[..., 2] * trust[..., 0]).sum()):
        light = light * ratio  # skin that is bluer than red is lit by a coloured lamp, and so is its shine
    around = blur(np.asarray(light * trust, np.float32), sigma_px) / blur(trust, sigma_px)[..., None] + 1e-4
    of_around = 3 * average(around)
    strongest = around.argmax(2)
    hue, light_there = (_choose_channel(values, strongest) for values in (around, light))
    share = np.maximum(hue / of_around - 1 / 3, 0.02)
    total = 3 * average(light) + 1e-5
    matt = (light_there - total / 3) / share
    # Without its shine no skin is darker than what is around it.
    shine = np.maximum(total - np.maximum(matt, of_around), 0)
    lighter = np.clip(np.log2(average(ratio)) / SHINE_GOES, 0, 1)
    left = light - (lighter * blur(np.asarray(shine, np.float32), 0.8) / 3)[..., None]
    return np.asarray(np.clip(left / (light + 1e-5), 0.15, 1), np.float32)


def _choose_channel(values: Floats, channel: NDArray[np.intp]) -> Floats:
    """(h, w) from (h, w, 3), at each pixel the channel that is named."""
    first, second, third = (values[..., number] for number in range(3))
    return np.asarray(np.where(channel == 0, first, np.where(channel == 1, second, third)), np.float32)


def _even_out(light: Floats, ratio: Floats, weight: Mask, sigma_px: float) -> Floats:
    """(h, w, 3) factor that calms what a change of light would exaggerate on skin.

    Where a warm picture becomes cool, patches of another hue turn to blotches. Where a dark skin becomes lighter, its
    shine turns to white spots: shine adds to a colour, and is no part of it.
    """
    trust = np.asarray(weight[..., None] + 1e-3, np.float32)
    around = blur(np.asarray(light * trust, np.float32), sigma_px) / blur(trust, sigma_px)[..., None] + 1e-4
    detail = (light + 1e-4) / around
    brightness = average(np.asarray(detail, np.float32))[..., None]
    most = np.log2(np.maximum(np.maximum(ratio[..., 0], ratio[..., 1]), ratio[..., 2]))[..., None]
    hue = (detail / brightness) ** (HUE_DETAIL - 1 - HUE_GOES * np.clip(most / SHINE_GOES, 0, 1))
    lighter = np.clip(np.log2(average(ratio)), 0, 1)[..., None]
    shine = np.maximum(brightness, 1) ** (-(1 - SHINE_DETAIL) * lighter)
    return np.asarray(np.clip(hue * shine, 0.4, 2.5), np.float32)
