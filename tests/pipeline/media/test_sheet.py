"""A contact sheet shows every picture at one height, in order, each over its caption."""

import numpy as np
import pytest

from mien_pipeline.image import Pixels
from mien_pipeline.media.sheet import BACKGROUND, CAPTION_PX, GAP_PX, draw_row


def plain(height: int, width: int, shade: int) -> Pixels:
    return np.full((height, width, 3), shade, np.uint8)


def test_pictures_stand_side_by_side_at_one_height_and_keep_their_proportions() -> None:
    sheet = draw_row([plain(50, 100, 10), plain(400, 200, 90)], ["one", "two"], 100)
    assert sheet.shape == (100 + 2 * GAP_PX + CAPTION_PX, 200 + 50 + 3 * GAP_PX, 3)
    assert (sheet[GAP_PX : GAP_PX + 100, GAP_PX : GAP_PX + 200] == 10).all()
    second = GAP_PX + 200 + GAP_PX
    assert (sheet[GAP_PX : GAP_PX + 100, second : second + 50] == 90).all()
    assert tuple(sheet[GAP_PX + 50, GAP_PX + 200 + GAP_PX // 2]) == BACKGROUND


def test_every_picture_has_its_caption_under_it() -> None:
    named, unnamed = (draw_row([plain(80, 80, 0)] * 2, [first, "second"], 80) for first in ("first", ""))
    below, half = slice(GAP_PX + 80, None), GAP_PX + 80
    assert (named[below, :half] != unnamed[below, :half]).any()
    assert (unnamed[below, :half] == BACKGROUND).all()
    assert (unnamed[below, half:] != BACKGROUND).any()


def test_a_picture_without_a_caption_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="zip"):
        draw_row([plain(8, 8, 0), plain(8, 8, 0)], ["one"], 8)
