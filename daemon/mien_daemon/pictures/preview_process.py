"""The process that makes previews: Pillow alone, no network, little memory, one picture at a time.

The program `preview` of `mien_core.program`; it ends when its standard input is closed.
"""

import io
import os
import sys
from pathlib import Path

import PIL.Image
import PIL.ImageOps

from mien_core.errors import MienError
from mien_daemon.worker import messages
from mien_daemon.worker.isolation import isolate
from mien_daemon.worker.messages import Failed, MakePreview, PreviewMade
from mien_pipeline.media.metadata import copy_packet
from mien_pipeline.media.probe import open_picture

QUALITY = 86
BEHIND_TRANSPARENCY = (128, 128, 128)
SIXTEEN_BIT = ("I;16", "I;16L", "I;16B", "I;16N", "I")


def preview(data: bytes, side: int) -> bytes:
    """A JPEG of a picture, upright, in its own colour space, no side longer than `side`.

    Of the metadata it keeps only what a result says of itself.

    Raises:
        InvalidImage, ImageTooLarge: as `probe.open_picture` says.
    """
    with open_picture(data) as (picture, _):
        profile = picture.info.get("icc_profile")
        kept = {"xmp": copy_packet(picture), "comment": b""}  # Pillow would take the comment along
        picture.draft("RGB", (side, side))  # a JPEG is decoded no larger than needed
        PIL.ImageOps.exif_transpose(picture, in_place=True)
        small = flatten(picture)
        small.thumbnail((side, side), PIL.Image.Resampling.LANCZOS, reducing_gap=2.0)
        encoded = io.BytesIO()
        small.save(encoded, "JPEG", quality=QUALITY, icc_profile=profile if small.mode == "RGB" else None, **kept)
        return encoded.getvalue()


def flatten(picture: PIL.Image.Image) -> PIL.Image.Image:
    """Eight bits, no transparency, RGB."""
    if picture.mode in SIXTEEN_BIT:
        return picture.point(lambda value: value / 257).convert("L").convert("RGB")
    if picture.mode == "RGB":
        return picture
    if "A" in picture.getbands() or "transparency" in picture.info:
        seen = picture.convert("RGBA")
        ground = PIL.Image.new("RGB", seen.size, BEHIND_TRANSPARENCY)
        ground.paste(seen, mask=seen.getchannel("A"))
        return ground
    return picture.convert("RGB")


def main() -> None:
    isolate()
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while isinstance(wanted := messages.read(incoming), MakePreview):
        try:
            made = preview(Path(wanted.picture).read_bytes(), wanted.side)
            answer = messages.encode(PreviewMade(len(made))) + made
        except (MienError, OSError) as error:
            answer = messages.encode(Failed("", getattr(error, "code", "invalid-image"), str(error)))
        outgoing.write(answer)
        outgoing.flush()
    sys.exit(0)


if __name__ == "__main__":
    main()
