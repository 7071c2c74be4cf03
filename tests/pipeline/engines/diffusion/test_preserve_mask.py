"""What stays the target's: glasses, hats and, for a bald reference, the hair."""

import numpy as np

from mien_pipeline.engines.diffusion import target
from mien_pipeline.engines.diffusion.parsing import ParsingClass
from mien_pipeline.engines.diffusion.preserve_mask import preserve_mask
from mien_pipeline.engines.diffusion.reference import portrait_affine
from mien_pipeline.engines.diffusion.target import cut_for
from mien_pipeline.faces.align import invert
from mien_testing.pictures import face_at


def test_a_hat_taller_than_the_portrait_is_kept_to_its_top() -> None:
    """The parsing network sees 512 pixels around the face; the region made anew ends above them."""
    face = face_at(300, 300, 200, 270)
    cut = cut_for((1200, 1200), face, 512)
    regions = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    regions[:120] = int(ParsingClass.HAT)
    mask = target.mask_for(face, cut, preserve_mask(regions, face, cut, hair=False))
    top_of_portrait = invert(portrait_affine(face.kps))[1] @ [256, 0, 1] - cut.top
    top_of_region = target.region_of(face)[1] - cut.top
    assert top_of_region < top_of_portrait - 20
    middle = round(400 - cut.left)
    assert (target.mask_for(face, cut)[round(top_of_region) + 12 : round(top_of_portrait), middle] > 0.5).any()
    assert (mask[: round(top_of_portrait) + 20, middle] == 0).all()
    assert mask[round(435 - cut.top), middle] == 1
