"""Contact sheets: pictures in a row with a caption under each, for a person who looks at results."""

from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from mien_pipeline.image import Pixels

GAP_PX = 12
CAPTION_PX = 34
BACKGROUND, INK = (250, 250, 248), (60, 60, 64)


def draw_row(pictures: Sequence[Pixels], captions: Sequence[str], height_px: int) -> Pixels:
    """(H, W, 3) uint8 RGB: the (h, w, 3) uint8 RGB pictures scaled to one height, each over its caption.

    Raises:
        ValueError: there are more captions than pictures, or fewer.
    """
    scaled = [_scale_to_height(picture, height_px) for picture in pictures]
    width = sum(picture.width for picture in scaled) + GAP_PX * (len(scaled) + 1)
    sheet = PIL.Image.new("RGB", (width, height_px + 2 * GAP_PX + CAPTION_PX), BACKGROUND)
    draw, font = PIL.ImageDraw.Draw(sheet), PIL.ImageFont.load_default(18)
    left = GAP_PX
    for picture, caption in zip(scaled, captions, strict=True):
        sheet.paste(picture, (left, GAP_PX))
        draw.text((left, GAP_PX + height_px + 8), caption, INK, font)
        left += picture.width + GAP_PX
    return np.asarray(sheet)


def _scale_to_height(picture: Pixels, height_px: int) -> PIL.Image.Image:
    """`picture` (h, w, 3) at the height given, its proportions kept."""
    found = PIL.Image.fromarray(picture)
    size = round(found.width * height_px / found.height), height_px
    return found.resize(size, PIL.Image.Resampling.LANCZOS)
