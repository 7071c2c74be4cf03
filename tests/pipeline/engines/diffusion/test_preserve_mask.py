"""What stays the target's: glasses, hats and, for a bald reference, the hair."""

import numpy as np
import pytest
from numpy.typing import NDArray

from mien_pipeline.engines.diffusion import target
from mien_pipeline.engines.diffusion.parsing import ParsingClass
from mien_pipeline.engines.diffusion.preserve_mask import hair_is_at_risk, hair_share, preserve_mask
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


def portrait_of(hair_rows: int) -> NDArray[np.int64]:
    """Skin, with so many rows of hair above it."""
    regions = np.full((512, 512), int(ParsingClass.SKIN), np.int64)
    regions[:hair_rows] = int(ParsingClass.HAIR)
    return regions


def test_hair_is_measured_against_skin_and_the_nose_is_skin() -> None:
    regions = portrait_of(128)
    assert hair_share(regions) == pytest.approx(128 / 384)
    regions[300:400] = int(ParsingClass.NOSE)
    assert hair_share(regions) == pytest.approx(128 / 384)
    assert hair_share(np.full((512, 512), int(ParsingClass.HAIR), np.int64)) > 1


def test_hair_is_at_risk_when_a_bald_reference_meets_a_target_with_hair() -> None:
    bald, haired = portrait_of(0), portrait_of(128)
    assert hair_is_at_risk(bald, haired)
    assert not hair_is_at_risk(haired, haired)
    assert not hair_is_at_risk(bald, bald)


def test_hair_is_preserved_only_when_asked_for() -> None:
    face = face_at(300, 300, 200, 270)
    cut = cut_for((1200, 1200), face, 512)
    regions = portrait_of(200)
    assert preserve_mask(regions, face, cut, hair=False).max() == 0
    kept = preserve_mask(regions, face, cut, hair=True)
    assert kept.shape == (cut.height, cut.width)
    assert kept.dtype == np.float32
    assert (kept.min(), kept.max()) == (0, 1)
