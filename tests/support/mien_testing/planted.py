"""Pictures that carry a secret word wherever their formats have room for one, and a search for it in any bytes."""

import base64
import io
import re
import struct
import zlib
from collections.abc import Iterator
from urllib.parse import quote

import numpy as np
import PIL.Image
import PIL.PngImagePlugin
import PIL.TiffImagePlugin

from mien_testing.profiles import profile, with_chunks, with_words

WORD = "CANARY"
AUTHOR = "Ann Author"
"""Stands in Artist and Copyright, the two entries that a result keeps."""

KINDS = ("JPEG", "PNG", "WEBP", "AVIF", "TIFF", "BMP", "HEIF")

XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""'
    ' xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" xmlns:dcterms="http://purl.org/dc/terms/"'
    ' xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/"'
    f' xmpMM:InstanceID="xmp.iid:{WORD}-1" xmpMM:DocumentID="xmp.did:{WORD}-2" xmp:Label="{WORD}-3"'
    f' photoshop:City="{WORD}-4" dcterms:provenance="https://example.com/{WORD}-5">'
    f"<xmp:Thumbnails>{base64.b64encode(WORD.encode() * 9).decode()}</xmp:Thumbnails>"
    "</rdf:Description></rdf:RDF></x:xmpmeta>"
    '<?xpacket end="w"?>'
)


def pixels() -> np.ndarray:
    y, x = np.mgrid[0:96, 0:128]
    return np.stack((x, y * 2, 255 - x), axis=2).astype(np.uint8)


def plant(kind: str) -> bytes:
    """A picture of 128 × 96 whose file carries `WORD` everywhere but in its pixels."""
    return _PLANTERS[kind]()


def find_words(data: bytes) -> set[str]:
    """How `WORD` stands in `data`: plainly or encoded, also inside anything that zlib has compressed."""
    found = {name for name, form in _FORMS.items() if form.search(data)}
    for inner in _inflate(data):
        found |= {f"{name}, compressed" for name, form in _FORMS.items() if form.search(inner)}
    return found


def _forms() -> dict[str, re.Pattern[bytes]]:
    word = WORD.encode()
    forms = {
        "plain": word,
        "UTF-16": WORD.encode("utf-16-le"),
        "UTF-16, big end first": WORD.encode("utf-16-be"),
        "UTF-32": WORD.encode("utf-32-le"),
        "backwards": word[::-1],
        "hexadecimal": word.hex().encode(),
        "percent": "".join(f"%{byte:02X}" for byte in word).encode(),
    }
    for shift in range(3):  # the characters of base64 that depend on the word alone
        start, end = -(-shift * 8 // 6), (shift + len(word)) * 8 // 6
        forms[f"base64, {shift}"] = base64.b64encode(bytes(shift) + word + bytes(3))[start:end]
    return {name: re.compile(re.escape(form), re.IGNORECASE) for name, form in forms.items()}


_FORMS = _forms()


def _inflate(data: bytes) -> Iterator[bytes]:
    for start in re.finditer(rb"\x78[\x01\x5e\x9c\xda]", data):
        try:
            inner = zlib.decompressobj().decompress(data[start.start() :], 1 << 20)
        except zlib.error:
            continue
        if len(inner) < 30_000:  # longer ones are pixels
            yield inner


def _exif() -> PIL.Image.Exif:
    exif = PIL.Image.Exif()
    for tag in (0x010D, 0x010E, 0x010F, 0x0110, 0x0131, 0x013C, 0x4749, 0xC614, 0xC62F, 0xC65D):
        exif[tag] = f"{WORD}-{tag:x}"
    for tag in (0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F):  # Windows' own, in UTF-16
        exif[tag] = f"{WORD}-{tag:x}".encode("utf-16-le")
    exif[0x013B], exif[0x8298] = AUTHOR, f"(c) {AUTHOR}"
    exif[0x02BC] = XMP.encode()
    exif[0x83BB] = _iptc()
    block = exif.get_ifd(0x8769)
    for tag in (0xA420, 0xA430, 0xA431, 0xA433, 0xA434, 0xA435, 0x9003, 0xA436, 0xA437):
        block[tag] = f"{WORD}-{tag:x}"
    block[0x927C] = b"Nikon\0" + WORD.encode() * 20
    block[0x9286] = b"UNICODE\0" + f"{WORD}-comment".encode("utf-16-be")
    place = exif.get_ifd(0x8825)
    place.update({1: "N", 2: (48.0, 51.0, 30.0), 27: b"ASCII\0\0\0" + WORD.encode(), 29: f"{WORD}-date", 18: WORD})
    return exif


def _iptc() -> bytes:
    return b"".join(
        b"\x1c\x02" + bytes([number]) + struct.pack(">H", len(text)) + text
        for number, text in ((5, b"CANARY-title"), (25, b"CANARY-key"), (90, b"CANARY-city"), (120, b"CANARY-caption"))
    )


def _photoshop() -> bytes:
    block = b"8BIM\x04\x04\0\0" + struct.pack(">I", len(_iptc())) + _iptc() + bytes(len(_iptc()) % 2)
    return b"Photoshop 3.0\0" + block


def _thumbnail() -> bytes:
    out = io.BytesIO()
    PIL.Image.new("RGB", (16, 12), (200, 150, 130)).save(out, "JPEG", comment=f"{WORD}-thumbnail")
    return out.getvalue()


def _named_profile() -> bytes:
    return with_words(profile(), f"{WORD}-monitor")


def _save(kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    PIL.Image.fromarray(pixels()).save(out, kind, **options)
    return out.getvalue()


def _segment(marker: int, body: bytes) -> bytes:
    return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body


def _jpeg() -> bytes:
    base = _save("JPEG", exif=_exif(), xmp=XMP.encode(), icc_profile=_named_profile(), comment=f"{WORD}-comment")
    word = WORD.encode()
    extended = b"http://ns.adobe.com/xmp/extension/\0" + word * 9
    more = _segment(0xED, _photoshop()) + _segment(0xE1, extended) + _segment(0xE0, b"JFXX\0\x10" + _thumbnail())
    more += _segment(0xEB, b"JP\0\1\0\0\0\1\0\0\0\x26jumb" + word) + _segment(0xEC, b"Ducky" + word)
    return base[:2] + base[2:20] + more + base[20:] + b"\0\0moving picture " + word


def _png() -> bytes:
    text = PIL.PngImagePlugin.PngInfo()
    text.add_text("Comment", f"{WORD}-text")
    text.add_text("parameters", f"{WORD}-prompt" * 30, zip=True)
    text.add_itxt("workflow", f"{WORD}-workflow" * 30, zip=True)
    text.add_itxt("XML:com.adobe.xmp", XMP)
    base = _save("PNG", pnginfo=text, exif=_exif().tobytes(), icc_profile=_named_profile())
    raw = quote(WORD).encode() + zlib.compress(WORD.encode() * 9)
    return with_chunks(base, (b"prVt", raw)) + b"\0\0" + WORD.encode()


def _webp() -> bytes:
    base = _save("WEBP", exif=_exif().tobytes(), xmp=XMP.encode(), icc_profile=_named_profile())
    more = b"PRIV" + struct.pack("<I", 8) + b"CANARY-1"
    return base[:4] + struct.pack("<I", len(base) + len(more) - 8) + base[8:] + more


def _avif() -> bytes:
    return _with_box(_save("AVIF", exif=_exif().tobytes(), xmp=XMP.encode(), icc_profile=_named_profile()))


def _heif() -> bytes:
    return _with_box(_save("HEIF", exif=_exif().tobytes(), xmp=XMP.encode(), icc_profile=_named_profile()))


def _with_box(data: bytes) -> bytes:
    word = WORD.encode()
    return data + struct.pack(">I", 8 + len(word)) + b"free" + word


def _tiff() -> bytes:
    tags = PIL.TiffImagePlugin.ImageFileDirectory_v2()
    block = PIL.Image.Exif()
    block.load(_exif().tobytes())
    for tag, value in block.items():
        if tag not in {0x8769, 0x8825}:
            tags[tag] = value
    tags[34377], tags[65000], tags[285] = _photoshop(), f"{WORD}-private", f"{WORD}-page"
    return _save("TIFF", tiffinfo=tags, icc_profile=_named_profile()) + WORD.encode()


def _bmp() -> bytes:
    """A BITMAPV5HEADER that names a profile's file, with words between header and pixels and behind them."""
    base = _save("BMP")
    body, link, word = base[54:], f"C:\\Users\\{WORD}\\screen.icc\0".encode(), WORD.encode()
    header = struct.pack("<I", 124) + base[18:54] + bytes(16) + struct.pack("<I", 0x4C494E4B) + bytes(48)
    header += struct.pack("<IIII", 4, 124 + len(word) + len(body), len(link), 0)
    start = 14 + 124 + len(word)
    total = start + len(body) + len(link)
    return b"BM" + struct.pack("<IHHI", total, 0, 0, start) + header + word + body + link


_PLANTERS = {"JPEG": _jpeg, "PNG": _png, "WEBP": _webp, "AVIF": _avif, "HEIF": _heif, "TIFF": _tiff, "BMP": _bmp}
