"""Contact sheets: pictures in a row with a caption under each, for a person who looks at results."""

import math
from collections.abc import Sequence

import numpy as np
import PIL.Image
import PIL.ImageDraw
import PIL.ImageFont

from mien_pipeline.image import Pixels

GAP_PX = 12
CAPTION_PX = 34
LINE_PX = 22  # of each further line of text
BACKGROUND, INK = (250, 250, 248), (60, 60, 64)


def draw_row(pictures: Sequence[Pixels], captions: Sequence[str], height_px: int, lines: Sequence[str] = ()) -> Pixels:
    """(H, W, 3) uint8 RGB: the (h, w, 3) uint8 RGB pictures scaled to one height, each over its caption.

    Captions may have several lines; a picture has at least the width of its own. `lines` stand below all of them.

    Raises:
        ValueError: there are more captions than pictures, or fewer.
    """
    font = PIL.ImageFont.load_default(18)
    scaled = [_scale_to_height(picture, height_px) for picture in pictures]
    widths = [
        max([picture.width, *(math.ceil(font.getlength(line)) for line in caption.split("\n"))])
        for picture, caption in zip(scaled, captions, strict=True)
    ]
    below = height_px + 8 + GAP_PX
    text_px = CAPTION_PX + LINE_PX * max(caption.count("\n") for caption in captions)
    width = max([sum(widths) + GAP_PX * (len(scaled) + 1), *(round(font.getlength(line)) + 24 for line in lines)])
    sheet = PIL.Image.new("RGB", (width, height_px + 2 * GAP_PX + text_px + LINE_PX * len(lines)), BACKGROUND)
    draw, left = PIL.ImageDraw.Draw(sheet), GAP_PX
    for picture, caption, wide in zip(scaled, captions, widths, strict=True):
        sheet.paste(picture, (left, GAP_PX))
        draw.multiline_text((left, below), caption, INK, font, spacing=4)
        left += wide + GAP_PX
    draw.multiline_text((GAP_PX, below + text_px), "\n".join(lines), INK, font, spacing=4)
    return np.asarray(sheet)


def _scale_to_height(picture: Pixels, height_px: int) -> PIL.Image.Image:
    """`picture` (h, w, 3) at the height given, its proportions kept."""
    found = PIL.Image.fromarray(picture)
    size = round(found.width * height_px / found.height), height_px
    return found.resize(size, PIL.Image.Resampling.LANCZOS)
