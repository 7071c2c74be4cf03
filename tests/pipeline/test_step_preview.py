"""A picture of a step is small, shows the target outside the face, and leaves only with the content check's word."""

import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image as PillowImage

from mien_core.errors import CheckUnavailable, ContentBlocked
from mien_pipeline.face import Patch
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media import metadata
from mien_pipeline.step_preview import MOST_BYTES, MOST_SIDE_PX, make_preview
from mien_testing.pictures import picture


class Check:
    """Remembers what it saw, and may refuse."""

    def __init__(self, refusal: Exception | None = None) -> None:
        self.refusal = refusal
        self.seen: list[tuple[tuple[int, ...], str]] = []

    def check(self, pixels: Pixels, stage: str, *, is_turned: bool = False) -> None:
        self.seen.append((pixels.shape, stage))
        if self.refusal:
            raise self.refusal


def red(image: Image) -> Patch:
    """A red square of 100 px in the corner."""
    crop = np.zeros((100, 100, 3), np.uint8)
    crop[..., 0] = 255
    return Patch(crop, np.eye(2, 3, dtype=np.float32), np.ones((100, 100), np.float32))


@pytest.mark.parametrize("size", [(400, 300), (3000, 2000)])
def test_a_preview_is_half_the_target_at_most_has_the_patch_in_it_and_says_what_it_is(size: tuple[int, int]) -> None:
    target, check = replace(picture(*size), icc_profile=b"a profile", exif=b"a position"), Check()
    made = make_preview(target, red(target), check, "flux")
    assert made is not None
    assert len(made) <= MOST_BYTES
    with PillowImage.open(io.BytesIO(made)) as shown:
        assert shown.format == "JPEG"
        assert {*shown.info} & {"exif", "icc_profile", "comment", "photoshop"} == set(), (
            "nothing of the target's metadata"
        )
        said = metadata.read(shown)
        assert (said["ai_system"], said["description"]) == ("Mien (flux)", metadata.SWAPPED)
        assert max(shown.size) == min(MOST_SIDE_PX, max(size) // 2)
        red_, green, _ = shown.convert("RGB").getpixel((3, 3))  # type: ignore[misc]
        assert red_ > 230 > 60 > green
    assert {stage for _, stage in check.seen} == {"result"}


@pytest.mark.parametrize("refusal", [ContentBlocked("no", stage="result"), CheckUnavailable("no", reason="failed")])
def test_what_the_content_check_does_not_let_out_is_not_shown(refusal: Exception) -> None:
    target = picture(400, 300)
    assert make_preview(target, red(target), Check(refusal), "flux") is None
