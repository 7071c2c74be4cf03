"""Which format a file is of, by its first bytes, and which formats are read."""

import functools
import importlib
from pathlib import Path

READABLE = {
    "JPEG": "jpeg",
    "MPO": "jpeg",  # a photograph first, then its depth or gain map, as many telephones write
    "PNG": "png",
    "WEBP": "webp",
    "AVIF": "avif",
    "TIFF": "tiff",
    "BMP": "bmp",
    "HEIF": "heif",
}
"""Pillow's names for the formats it may try, and ours."""

_HEIF_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_AVIF_BRANDS = {b"avif", b"avis"}
HEAD_BYTES = 65_536  # a PNG's profile may stand before the word that it is animated
_WEBP_ANIMATION = 0x02  # of the flags of a VP8X chunk
_SIGNATURES = (
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"BM", "bmp"),
    (b"GIF8", "gif"),
    (b"%PDF-", "pdf"),
    (b"PK", "zip"),
    (b"\x1f\x8b", "gzip"),
    (b"8BPS", "psd"),
    (b"\0\0\1\0", "ico"),
    (b"\xff\x0a", "jpeg-xl"),
    (b"\0\0\0\x0cJXL ", "jpeg-xl"),
    (b"\0\0\0\x0cjP  ", "jpeg-2000"),
    (b"\x1aE\xdf\xa3", "matroska"),
)


def kind_of(head: bytes) -> str:
    """The format that the first bytes of a file name, as "jpeg" or "pdf"; "unknown", or "nothing" for no bytes."""
    for signature, kind in _SIGNATURES:
        if head.startswith(signature):
            return kind
    if head[:4] == b"RIFF":
        return "webp" if head[8:12] == b"WEBP" else "riff"
    if head[4:8] == b"ftyp":
        return _kind_of_brands(head)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<"):
        return "svg" if b"<svg" in text else "markup"
    return "unknown" if head else "nothing"


def read_head(path: Path) -> bytes:
    """The first bytes of a file, enough to know what it is; raises `OSError`."""
    with path.open("rb") as file:
        return file.read(HEAD_BYTES)


def looks_like_clip(head: bytes) -> bool:
    """Whether the first bytes of a file, some thousands of them, are those of a clip or of an animation."""
    kind = kind_of(head)
    if kind == "webp":
        return head[12:16] == b"VP8X" and bool(head[20] & _WEBP_ANIMATION) if len(head) > 20 else False
    if kind == "png":
        return b"acTL" in head.partition(b"IDAT")[0]
    return kind in {"video", "matroska", "gif"} or (kind == "riff" and head[8:12] == b"AVI ")


def media_type_of(head: bytes) -> str | None:
    """The media type of a clip or an animation, by its first bytes; None for anything else."""
    if not looks_like_clip(head):
        return None
    kind = kind_of(head)
    if kind in {"gif", "png", "webp"}:
        return f"image/{kind}"
    if kind == "matroska":
        return "video/webm" if b"webm" in head[:64] else "video/x-matroska"
    return "video/x-msvideo" if kind == "riff" else "video/quicktime" if head[8:12] == b"qt  " else "video/mp4"


def readable_formats() -> list[str]:
    """The formats that this installation reads, sorted, for a message."""
    return sorted({kind for kind in READABLE.values() if kind != "heif" or heif_is_readable()})


def _kind_of_brands(head: bytes) -> str:
    """The format of an ISO container. AVIF and HEIF share it: the major brand decides, then the compatible ones."""
    length = min(int.from_bytes(head[:4], "big"), 256)
    brands = [head[8:12], *(head[at : at + 4] for at in range(16, length, 4))]
    if brands[0] in _AVIF_BRANDS or (brands[0] in {b"mif1", b"msf1"} and _AVIF_BRANDS & set(brands)):
        return "avif"
    return "heif" if brands[0] in _HEIF_BRANDS else "video"


@functools.cache
def heif_is_readable() -> bool:
    """Whether pillow-heif is installed. It is optional: its codec has patents of its own."""
    try:
        importlib.import_module("pillow_heif").register_heif_opener()
    except ImportError:
        return False
    return True
