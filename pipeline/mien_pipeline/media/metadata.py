"""Metadata: what a result says about itself, and what it keeps of the target's.

EXIF is built anew from a whitelist, never copied: a copy leaks positions, serial numbers and a thumbnail of the
original face. XMP carries IPTC's digital source type, which search engines and social networks read.
"""

import io
import re
import warnings
from collections.abc import Mapping

import PIL.ExifTags
import PIL.Image

from mien_pipeline.media.probe import DAMAGE

# https://cv.iptc.org/newscodes/digitalsourcetype/: a photograph with a part made by a trained algorithm.
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
CREATOR_TOOL = "Mien"

KEPT_EXIF = {PIL.ExifTags.Base.Artist: "artist", PIL.ExifTags.Base.Copyright: "copyright"}
"""Author and owner of the photograph: the two entries that are meant for the public."""

_MAX_TEXT = 1000
_TELLING_EXIF = {
    PIL.ExifTags.Base.GPSInfo: "position",
    PIL.ExifTags.Base.MakerNote: "maker_note",
    PIL.ExifTags.Base.BodySerialNumber: "serial_number",
    PIL.ExifTags.Base.LensSerialNumber: "serial_number",
    PIL.ExifTags.Base.CameraOwnerName: "owner_name",
}
"""Private entries: `read` says that they are there, never what they say."""

_EXT = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_XMP = "http://ns.adobe.com/xap/1.0/"
_DC = "http://purl.org/dc/elements/1.1/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_READ_XMP = {
    f"{{{_EXT}}}DigitalSourceType": "digital_source_type",
    f"{{{_EXT}}}AISystemUsed": "ai_system",
    f"{{{_XMP}}}CreatorTool": "creator_tool",
    f"{{{_DC}}}description": "description",
}

SWAPPED = "A face in this picture was replaced by software; it is not the face of the person photographed."
RESTORED = "The skin of a face in this picture was sharpened by software."
DESCRIPTIONS = {"swap": SWAPPED, "restore": RESTORED}
"""What a result says of itself, by the kind of edit."""


def filter_exif(exif: bytes | None) -> bytes | None:
    """The EXIF block a result carries: the whitelisted entries of `exif`, or None when there are none."""
    kept = PIL.Image.Exif()
    for tag, value in _parse_exif(exif).items():
        if tag in KEPT_EXIF and isinstance(value, str) and 0 < len(value) <= _MAX_TEXT:
            kept[tag] = value
    return kept.tobytes() if len(kept) else None


def write_packet(ai_system: str, description: str) -> bytes:
    """The XMP packet of a result: digital source type, which engine, and what was done to the face.

    Property names: IPTC Photo Metadata Standard 2025.1, XMP specification part 1 for the packet.
    """
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}"><rdf:Description rdf:about=""'
        f' xmlns:Iptc4xmpExt="{_EXT}" xmlns:xmp="{_XMP}" xmlns:dc="{_DC}"'
        f" Iptc4xmpExt:DigitalSourceType={_quote(DIGITAL_SOURCE_TYPE)}"
        f" Iptc4xmpExt:AISystemUsed={_quote(ai_system)}"
        f" xmp:CreatorTool={_quote(CREATOR_TOOL)}>"
        f'<dc:description><rdf:Alt><rdf:li xml:lang="x-default">{_escape(description)}</rdf:li></rdf:Alt>'
        "</dc:description></rdf:Description></rdf:RDF></x:xmpmeta>"
        '<?xpacket end="w"?>'
    ).encode()


def copy_packet(picture: PIL.Image.Image) -> bytes | None:
    """A new packet for a smaller copy of one of our results; None where `picture` is any other picture."""
    xmp = _read_xmp(picture)
    if xmp.get("creator_tool") != CREATOR_TOOL or "ai_system" not in xmp:
        return None
    return write_packet(xmp["ai_system"], xmp.get("description", ""))


def read(picture: PIL.Image.Image) -> dict[str, object]:
    """The entries we know of an opened picture's metadata, and under "private" which private ones are present."""
    found: dict[str, object] = {}
    exif = _read_exif(picture)
    for tag, name in KEPT_EXIF.items():
        if isinstance(value := exif.get(tag), str) and value:
            found[name] = value[:_MAX_TEXT]
    if private := _list_private(exif):
        found["private"] = private
    found.update(_read_xmp(picture))
    return found


def _parse_exif(exif: bytes | None) -> Mapping[int, object]:
    parsed = PIL.Image.Exif()
    if exif is None:
        return parsed
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            parsed.load(exif)
            return dict(parsed)
        except DAMAGE:
            return {}


def _read_exif(picture: PIL.Image.Image) -> PIL.Image.Exif:
    try:
        return picture.getexif()
    except DAMAGE:
        return PIL.Image.Exif()


def _list_private(exif: PIL.Image.Exif) -> list[str]:
    """Names of the private entries present, in the main block and in the Exif and thumbnail blocks."""
    try:
        tags = set(exif) | set(exif.get_ifd(PIL.ExifTags.IFD.Exif))
        names = {name for tag, name in _TELLING_EXIF.items() if tag in tags}
        if exif.get_ifd(PIL.ExifTags.IFD.IFD1):
            names.add("thumbnail")
    except DAMAGE:
        return []
    return sorted(names)


def _read_xmp(picture: PIL.Image.Image) -> dict[str, str]:
    raw = picture.info.get("xmp") or picture.info.get("XML:com.adobe.xmp") or _read_tiff_xmp(picture)
    data = raw.encode() if isinstance(raw, str) else raw
    # Entity bombs need a document type, and XMP has none.
    if not isinstance(data, bytes) or b"<!" in data or len(data) > io.DEFAULT_BUFFER_SIZE * 1024:
        return {}
    from xml.etree import ElementTree  # not at the top: most processes write packets and read none

    try:
        root = ElementTree.fromstring(data.strip(b"\0 \n"))  # noqa: S314 - no document type, so no entities
    except ElementTree.ParseError:
        return {}
    found: dict[str, str] = {}
    for description in root.iter(f"{{{_RDF}}}Description"):
        for key, value in description.attrib.items():
            if key in _READ_XMP:
                found[_READ_XMP[key]] = value[:_MAX_TEXT]
        for child in description:
            if child.tag in _READ_XMP:
                text = re.sub(r"\s+", " ", "".join(child.itertext())).strip()
                found[_READ_XMP[child.tag]] = text[:_MAX_TEXT]
    return found


def _read_tiff_xmp(picture: PIL.Image.Image) -> object:
    return getattr(picture, "tag_v2", {}).get(PIL.ExifTags.Base.XMLPacket)


def _quote(text: str) -> str:
    """An attribute's value in quotation marks. (`xml.sax.saxutils` would bring HTTP and TLS with it.)"""
    within = _escape(text).replace('"', "&quot;")
    return '"' + "".join(f"&#{ord(each)};" if each in "\t\n\r" else each for each in within) + '"'


def _escape(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
