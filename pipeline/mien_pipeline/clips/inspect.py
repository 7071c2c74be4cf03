"""What a clip says about itself: credentials, the watermark that its pictures carry together, the file's own words."""

from collections.abc import Mapping
from pathlib import Path

from mien_pipeline.media.clip.frames import read_pictures, to_upright_rgb
from mien_pipeline.media.clip.probe import ClipInfo, open_clip, probe_clip
from mien_pipeline.trust import credentials
from mien_pipeline.trust.verify import Inspection
from mien_pipeline.trust.watermark import Reading, Watermark, to_canonical

READ_BACK = 12  # pictures, evenly spread, in which the watermark is read
_SAID = ("comment", "title", "encoder")
_PRIVATE = ("location", "com.apple.quicktime.location.iso6709", "artist", "author", "make", "model", "creation_time")


def inspect_clip(path: Path, watermark: Watermark | None, roots: str) -> Inspection:
    """What the clip says about itself.

    Args:
        path: any clip that can be edited.
        watermark: reads the mark; None where its network is not installed.
        roots: certificates that are called trusted, PEM.

    Raises:
        UnsupportedClip, HdrClip, ImageTooLarge: as `probe_clip` says.
    """
    clip = probe_clip(path)
    found = credentials.read(path, media_type_of(clip), roots)
    return Inspection(found, read_watermark(clip, watermark) if watermark else None, _read_metadata(path))


def read_watermark(clip: ClipInfo, watermark: Watermark) -> Reading:
    """What the pictures of a clip carry together, evenly spread over it."""
    chosen = {round(place * (clip.frames - 1) / (READ_BACK - 1)) for place in range(READ_BACK)}
    pictures = [
        to_canonical(to_upright_rgb(picture, clip))
        for number, (_, picture) in enumerate(read_pictures(clip))
        if number in chosen
    ]
    return watermark.read_together(pictures)


def media_type_of(clip: ClipInfo) -> str:
    """The media type of the clip's container."""
    for name, kind in (("mp4", "video/mp4"), ("avi", "video/avi"), ("webm", "video/webm")):
        if name in clip.container:
            return kind
    return "application/octet-stream"


def _read_metadata(path: Path) -> Mapping[str, object]:
    with open_clip(path) as container:
        tags = {name.lower(): value for name, value in container.metadata.items()}
    said: dict[str, object] = {name: tags[name] for name in _SAID if name in tags}
    private = sorted(name for name in _PRIVATE if name in tags)
    return {**said, **({"private": private} if private else {})}
