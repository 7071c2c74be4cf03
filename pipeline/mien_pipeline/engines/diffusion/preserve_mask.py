"""Which pixels stay the target's: glasses, jewellery, clothes and hats always, hair where the reference has none."""

import cv2
import numpy as np

from mien_pipeline.engines.diffusion.parsing import ParsingClass
from mien_pipeline.engines.diffusion.reference import ParsingMap, portrait_affine
from mien_pipeline.engines.diffusion.target import Cut
from mien_pipeline.face import Face
from mien_pipeline.faces.align import invert
from mien_pipeline.image import Mask

ACCESSORIES = (ParsingClass.GLASSES, ParsingClass.EARRING, ParsingClass.NECKLACE, ParsingClass.CLOTH, ParsingClass.HAT)
# Hair pixels for every pixel of skin in a portrait. Judged, not measured: below the first a head is bald or covered,
# above the second it has hair to lose.
BALD, HAIRY = 0.06, 0.15
# Softness of the mask's edge, in portrait pixels.
FEATHER_PX = 5


def hair_share(regions: ParsingMap) -> float:
    """Hair pixels for every pixel of skin; `regions` is a portrait's, (512, 512) int64."""
    skin = np.isin(regions, [int(ParsingClass.SKIN), int(ParsingClass.NOSE)]).sum()
    return float((regions == ParsingClass.HAIR).sum() / max(1, int(skin)))


def hair_is_at_risk(reference: ParsingMap, target: ParsingMap) -> bool:
    """True when the reference is bald or covered and the target is not; both maps are (512, 512) int64."""
    return hair_share(reference) < BALD and hair_share(target) > HAIRY


def preserve_mask(target: ParsingMap, face: Face, cut: Cut, hair: bool) -> Mask:
    """(cut.height, cut.width) float32 in 0..1, in cut pixels: 1 where the target's own pixel stays.

    Args:
        target: (512, 512) int64, the `ParsingClass` of every pixel of the target's portrait.
        face: whose `kps` made that portrait.
        hair: preserve the hair as well.
    """
    wanted = [*ACCESSORIES, *([ParsingClass.HAIR] if hair else [])]
    found = np.isin(target, [int(region) for region in wanted]).astype(np.float32)
    # Grown before it is softened: every preserved pixel is preserved whole.
    grown = cv2.dilate(found, np.ones((2 * FEATHER_PX + 1, 2 * FEATHER_PX + 1), np.uint8))
    soft = np.clip(cv2.blur(grown, (FEATHER_PX, FEATHER_PX)), 0, 1)
    back = invert(portrait_affine(face.kps)).astype(np.float64)
    back[:, 2] -= (cut.left, cut.top)
    # The region made anew reaches above the portrait. A tall hat continues there as it leaves the portrait.
    size, beyond = (cut.width, cut.height), cv2.BORDER_REPLICATE
    placed = cv2.warpAffine(soft, back, size, flags=cv2.INTER_LINEAR, borderMode=beyond)
    return np.asarray(placed, np.float32).reshape(cut.height, cut.width)
