"""The drawn reference fitted into its target: light, lips, eyes, teeth and beard, then blur, pores and grain."""

from dataclasses import replace

import numpy as np

from mien_pipeline.engines.mesh.expression import (
    calm_eyes,
    dim_eyes,
    eyes_and_lips_mask,
    light_teeth,
    match_surroundings,
    remove_smile_folds,
)
from mien_pipeline.engines.mesh.eyes import EyeSwap
from mien_pipeline.engines.mesh.hair import draw_hair
from mien_pipeline.engines.mesh.lighting import relight
from mien_pipeline.engines.mesh.lips import bound_lips, match_lip_colour, temper_lips
from mien_pipeline.engines.mesh.shaving import DrawnBeard, lay_beard
from mien_pipeline.face import Mesh
from mien_pipeline.faces.grid import Box, Grid
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats, Mask, Pixels
from mien_pipeline.media.colour import to_linear
from mien_pipeline.skin.grain import match_grain
from mien_pipeline.skin.light import average, blur
from mien_pipeline.skin.mask import cheek_mask, upper_face_mask
from mien_pipeline.skin.pores import match_pores
from mien_pipeline.skin.sharpness import match_blur

# How dense a beard lies on the skin that is the target's: as stubble, for it ends with the face. Judged on 15 results.
STUBBLE, STUBBLE_SOFT = 0.4, 0.03  # and face widths over which it ends
BELOW_STUBBLE = 2.0  # times how dense it is, the share of the target's skin below: the reference's is made up
DULLED = 4.0  # times how much darker skin is below it, how far its shine goes
SHADE_HUE = (0.8, 1.0, 1.2)  # exponents of its shade, by channel: skin that is darkened evenly looks grey


def fit_into_target(
    drawn: Pixels,
    base: Pixels,
    skin: Mask,
    alpha: Mask,
    kept: tuple[Mask, Mask],
    face: Mesh,
    reference: Mesh,
    grid: Grid,
    eyes: tuple[EyeSwap, EyeSwap],
    beard: DrawnBeard | None,
    *,
    lays_beard: bool,
) -> Floats:
    """The drawn face in the target's light and expression, (H, W, 3) float32.

    `skin` is (H, W) float32 in 0..1, where both show bare skin, `alpha` where the new face will show, `kept` where its
    mouth and its eyes stay the target's. `beard` was taken off the drawn face, and is laid over it if `lays_beard`.
    """
    hair = draw_hair(face, grid, beard=beard is None)
    features, before, width = eyes_and_lips_mask(base.shape, face), base.astype(np.float32), face_width(face)
    new = relight(drawn, base, skin, features, alpha, hair, grid, width).astype(np.float32)
    lightness = _mean_light(drawn, skin), _mean_light(base, skin)
    new = bound_lips(temper_lips(new, before, lightness, face), before, skin, face)
    new = dim_eyes(new, drawn, before, lightness, face, eyes)
    new = calm_eyes(new, before, skin, face)
    new = light_teeth(new, drawn, before, face, reference)
    new = remove_smile_folds(new, face, reference, grid)
    if beard and lays_beard:
        new = lay_beard(new, drawn, beard, grid, width)
    mouth, kept_eyes = kept
    _mix_in(new, match_lip_colour(before, new, face), mouth)
    shut = any(eye.shut for eye in eyes)
    lids = match_surroundings(before, new, skin, kept_eyes, grid, width) if shut else before
    _mix_in(new, lids, kept_eyes)
    return new


def lay_stubble(
    new: Pixels, base: Pixels, drawn: Pixels, beard: DrawnBeard, free: Mask, face: Mesh, grid: Grid
) -> Pixels:
    """`new` (H, W, 3), on the target's skin, with a thin `beard` over it where `free` (H, W) is 1: see `lay_beard`.

    Skin shows through stubble: it shades that of the target, `base`, keeps nearly its hue and ends softly.
    """
    width = face_width(face)
    soft = grid.enlarge(blur(grid.shrink(beard.share), STUBBLE_SOFT * width / grid.step), free.shape)
    below = (np.minimum(BELOW_STUBBLE * soft, 1) * free)[..., None]
    skin = np.asarray(new + below * (base - new.astype(np.float32)), np.float32)
    thin = np.asarray(STUBBLE / 2 * (beard.share + soft) * free, np.float32)
    laid = lay_beard(skin, drawn, replace(beard, share=thin), grid, width)
    darker = np.minimum((average(laid) + 1) / (average(skin) + 1), 1)[..., None]
    shaded = np.asarray(skin * darker ** np.array(SHADE_HUE, np.float32), np.float32)
    dulled = np.asarray(np.clip(DULLED * (1 - darker), 0, 1), np.float32)
    warm = _warm_shine(shaded, new[cheek_mask(new.shape, face) > 0.5], dulled)
    return np.asarray(np.clip(warm + 0.5, 0, 255), np.uint8)


def _warm_shine(shaded: Floats, cheeks: Pixels, share: Floats) -> Floats:
    """`shaded` (H, W, 3) whose `share` (H, W, 1) is nowhere paler than `cheeks` (N, 3): shine in the shade is grey."""
    if not len(cheeks):
        return shaded
    usual = np.median(cheeks, 0).astype(np.float32)
    matt = average(shaded)[..., None] * (usual / max(float(usual.mean()), 1.0))
    matt[..., 0], matt[..., 2] = np.maximum(matt[..., 0], shaded[..., 0]), np.minimum(matt[..., 2], shaded[..., 2])
    return np.asarray(shaded + share * (matt - shaded), np.float32)


def match_detail(
    new: Floats, base: Pixels, even: Pixels, alpha: Mask, bare: Mask, kept: Mask, face: Mesh, *, grain: bool
) -> Pixels:
    """`new` (H, W, 3) with the target's blur, pores and grain, as uint8.

    `even` is the target as it came: drawing it to the new shape, as `base` is, has softened its grain. `alpha`, `bare`
    and `kept` are (H, W) float32 in 0..1: the new face, its bare skin, and what stays the target's.
    """
    plain = bare * (1 - kept) * (1 - eyes_and_lips_mask(base.shape, face))
    cheeks, width = cheek_mask(base.shape, face), face_width(face)
    new = match_blur(new, base, alpha, upper_face_mask(base.shape, face), width)
    new = match_pores(new, even, plain, plain * cheeks, width)
    new = match_grain(new, even, (1 - kept) * grain, alpha * cheeks)
    new += 0.5
    return np.clip(new, 0, 255, out=new).astype(np.uint8)


def _mean_light(pixels: Pixels, weight: Mask) -> float:
    """Mean of (H, W, 3) uint8 RGB in linear light where `weight` (H, W) is high; 0 where it is nowhere."""
    chosen = pixels[::4, ::4][weight[::4, ::4] > 0.5]
    return float(to_linear(chosen[None]).mean()) if len(chosen) else 0.0


def _mix_in(new: Floats, old: Floats, share: Mask) -> None:
    """Mix `share` (H, W) of `old` into `new` (H, W, 3), in place."""
    part = Box.covering(share).part
    new[part] += share[part][..., None] * (old[part] - new[part])
