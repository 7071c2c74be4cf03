"""The new face in the target's light."""

import numpy as np

from mien_pipeline.engines.mesh.grid import Grid
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear, to_srgb
from mien_pipeline.skin.light import blur, light_ratio

LIGHT_SIGMA = 0.25  # face widths: shading wider than this is the target's, finer the reference's
HUE_DETAIL = 0.7  # how much of the reference's patches of hue stay on its skin
HUE_GOES = 0.5  # how much more of it goes where its skin becomes four times as light: blue shadows would turn to paint
SHINE_GOES = 2.0  # doublings of lightness at which all shine goes
STRIPE_PX = 512
SHINE_DETAIL = 0.7  # how much of its shine stays where its skin becomes twice as light


def relight(drawn: Pixels, target: Pixels, skin: Mask, features: Mask, grid: Grid, width: float) -> Pixels:
    """`drawn` with the target's shading and colour cast, (H, W, 3) uint8 RGB.

    Args:
        drawn, target: (H, W, 3) uint8 RGB, in the same place.
        skin: (H, W) float32 in 0..1, where both show skin: light is learnt only there.
        features: (H, W) float32 in 0..1, eyes and lips, which have hues of their own.
        grid: over both.
        width: of the face, in pixels.
    """
    sigma_px = LIGHT_SIGMA * width / grid.step
    coarse, weight = grid.shrink(to_linear(drawn)), grid.shrink(skin * (1 - features))
    ratio = light_ratio(coarse, grid.shrink(to_linear(target)), weight, sigma_px)
    matt = remove_shine(coarse, ratio, weight, sigma_px)
    plain = 1 - blur(grid.shrink(features), 0.01 * width / grid.step)
    even = (matt * _even_out(coarse * matt, ratio, weight, sigma_px)) ** plain[..., None]
    factor, lit = grid.enlarge(np.asarray(ratio * even, np.float32), drawn.shape), np.empty_like(drawn)
    for top in range(0, len(drawn), STRIPE_PX):  # in stripes: the light of a large face takes four times its bytes
        rows = slice(top, top + STRIPE_PX)
        lit[rows] = to_srgb(to_linear(drawn[rows]) * factor[rows])
    return lit


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
    around = blur(np.asarray(light * trust, np.float32), sigma_px) / blur(trust, sigma_px)[..., None] + 1e-4
    hue = around / around.sum(2, keepdims=True)
    strongest = hue.argmax(2)[..., None]
    share = np.maximum(np.take_along_axis(hue, strongest, 2) - 1 / 3, 0.02)
    total = light.sum(2, keepdims=True) + 1e-5
    matt = (np.take_along_axis(light, strongest, 2) - total / 3) / share
    shine = np.clip(total - np.maximum(matt, 0.25 * total), 0, None) * (total > around.sum(2, keepdims=True))
    lighter = np.clip(np.log2(ratio.mean(2, keepdims=True)) / SHINE_GOES, 0, 1)
    left = light - lighter * blur(shine[..., 0], 0.8)[..., None] / 3
    return np.asarray(np.clip(left / (light + 1e-5), 0.15, 1), np.float32)


def _even_out(light: Floats, ratio: Floats, weight: Mask, sigma_px: float) -> Floats:
    """(h, w, 3) factor that calms what a change of light would exaggerate on skin.

    Where a warm picture becomes cool, patches of another hue turn to blotches. Where a dark skin becomes lighter, its
    shine turns to white spots: shine adds to a colour, and is no part of it.
    """
    trust = np.asarray(weight[..., None] + 1e-3, np.float32)
    around = blur(np.asarray(light * trust, np.float32), sigma_px) / blur(trust, sigma_px)[..., None] + 1e-4
    detail = (light + 1e-4) / around
    brightness = detail.mean(2, keepdims=True)
    doublings = np.log2(ratio.mean(2, keepdims=True))
    hue = (detail / brightness) ** (HUE_DETAIL - 1 - HUE_GOES * np.clip(doublings / SHINE_GOES, 0, 1))
    lighter = np.clip(doublings, 0, 1)
    shine = np.maximum(brightness, 1) ** (-(1 - SHINE_DETAIL) * lighter)
    return np.asarray(np.clip(hue * shine, 0.4, 2.5), np.float32)
