"""Small JPEGs of pictures and clips, as a viewer shows them."""

import io
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from mien_pipeline.clip_options import require_clips
from mien_pipeline.media.colour_tags import read_colour_tags
from mien_pipeline.media.kinds import looks_like_clip, read_head
from mien_pipeline.media.metadata import copy_packet
from mien_pipeline.media.probe import load_picture
from mien_pipeline.media.seen import see

QUALITY = 86
BEHIND_TRANSPARENCY = (128, 128, 128)
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")


Region = tuple[float, float, float, float]
"""A part of an upright picture: (x1, y1, x2, y2) in its pixels."""


def preview(data: bytes, side: int, *, is_result: bool = False, region: Region | None = None) -> bytes:
    """A JPEG of a picture, or of a region of it, as a viewer shows it, upright, in sRGB, no side longer than `side`.

    Of the metadata it keeps only what a result says of itself. A preview has no content credentials; so of a picture
    that is a result, or says that it is one, it has at most half the side, and a preview cannot replace
    the picture.

    Raises:
        InvalidImage, ImageTooLarge: as `probe.load_picture` says.
    """
    with load_picture(data, None if region else side) as loaded:
        picture, info = loaded.picture, loaded.info
        tags = read_colour_tags(picture, data, info.format)
        packet = copy_packet(picture)
        kept = {"xmp": packet, "comment": b""}  # Pillow would take the comment along
        if is_result or packet:
            side = max(1, min(side, max(info.width, info.height) // 2))
        PIL.ImageOps.exif_transpose(picture, in_place=True)
        small = reduce(picture.crop(cut_to(picture.size, region)) if region else picture, side)
        alpha = small.getchannel("A") if small.mode in ("RGBA", "LA") else None
        colours = small.convert({"RGBA": "RGB", "LA": "L"}[small.mode]) if alpha else small
        shown = PIL.Image.fromarray(see(colours, tags)[0])
        if alpha:
            ground = PIL.Image.new("RGB", shown.size, BEHIND_TRANSPARENCY)
            ground.paste(shown, mask=alpha)
            shown = ground
        encoded = io.BytesIO()
        shown.save(encoded, "JPEG", quality=QUALITY, **kept)
        return encoded.getvalue()


def cut_to(size: tuple[int, int], region: Region) -> tuple[int, int, int, int]:
    """The region in whole pixels, as far as the picture of that size goes; at least one pixel."""
    (width, height), (x1, y1, x2, y2) = size, region
    left, top = min(max(0, int(x1)), width - 1), min(max(0, int(y1)), height - 1)
    return left, top, max(left + 1, min(width, int(x2))), max(top + 1, min(height, int(y2)))


def make_preview(
    path: Path, side: int, *, is_result: bool = False, at_s: float = 0.0, region: Region | None = None
) -> bytes:
    """A JPEG of a picture or of its region, or of what a clip shows after `at_s` seconds.

    Raises as `preview` and `preview_clip` do.
    """
    if looks_like_clip(read_head(path)):
        return preview_clip(path, side, at_s, is_result=is_result)
    return preview(path.read_bytes(), side, is_result=is_result, region=region)


def preview_clip(path: Path, side: int, at_s: float, *, is_result: bool = False) -> bytes:
    """A JPEG of the picture that a clip shows after `at_s` seconds, or of its last; see `preview`.

    Raises:
        UnsupportedClip, HdrClip, ImageTooLarge: as `poster.show_at` says.
    """
    require_clips()
    from mien_pipeline.media.clip.poster import show_at

    shown = PIL.Image.fromarray(show_at(path, at_s))
    if is_result:
        side = max(1, min(side, max(shown.size) // 2))
    encoded = io.BytesIO()
    reduce(shown, side).save(encoded, "JPEG", quality=QUALITY)
    return encoded.getvalue()


def reduce(picture: PIL.Image.Image, side: int) -> PIL.Image.Image:
    """No side longer than `side`, eight bits; RGBA or LA where it is transparent, else any mode that `see` takes."""
    if picture.mode in SIXTEEN_BIT:
        picture = picture.point(lambda value: value / 257).convert("L")
    elif picture.mode == "La":
        picture = picture.convert("LA")
    elif picture.mode not in ("RGBA", "LA") and ("A" in picture.getbands() or "transparency" in picture.info):
        picture = picture.convert("RGBA")
    elif picture.mode in ("P", "1"):
        picture = picture.convert("RGB" if picture.mode == "P" else "L")
    picture.thumbnail((side, side), PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)
    return picture
