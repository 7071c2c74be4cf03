"""What a clip says about itself: credentials, the watermark that its pictures carry together, the file's own words."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from mien_core.errors import MarkingFailed
from mien_pipeline.image import Image
from mien_pipeline.media import kinds
from mien_pipeline.media.clip.animated import count_pictures, is_animated, read_animation, read_words
from mien_pipeline.media.clip.frames import read_pictures, to_upright_rgb
from mien_pipeline.media.clip.probe import ClipInfo, open_clip, probe_clip
from mien_pipeline.media.kinds import read_head
from mien_pipeline.protocols import ContentCheck, FaceDetector
from mien_pipeline.trust import credentials
from mien_pipeline.trust.check import CHECK_EVERY, check
from mien_pipeline.trust.verify import Inspection
from mien_pipeline.trust.watermark import Reading, Watermark, to_canonical

READ_BACK = 12  # pictures, evenly spread, in which the watermark is read
_SAID = ("comment", "title", "encoder")
_PRIVATE = ("location", "com.apple.quicktime.location.iso6709", "artist", "author", "make", "model", "creation_time")


def inspect_clip(path: Path, watermark: Watermark | None, roots: str) -> Inspection:
    """What the clip says about itself.

    Args:
        path: any clip or animation that can be edited.
        watermark: reads the mark; None where its network is not installed.
        roots: certificates that are called trusted, PEM.

    Raises:
        UnsupportedClip, HdrClip, ImageTooLarge: as `probe_clip` says.
    """
    if is_animated(path):
        return _inspect_animation(path, watermark, roots)
    clip = probe_clip(path)
    found = credentials.read(path, media_type_of(clip), roots)
    return Inspection(found, read_watermark(clip, watermark) if watermark else None, _read_metadata(path))


def _inspect_animation(path: Path, watermark: Watermark | None, roots: str) -> Inspection:
    found = credentials.read(path, kinds.media_type_of(read_head(path)) or "", roots)
    read = read_animation_watermark(path, watermark) if watermark else None
    return Inspection(found, read, read_words(path))


def check_segment(
    path: Path, pictures: int, detector: FaceDetector, content_check: ContentCheck, watermark: Watermark
) -> None:
    """Return if a segment that another machine made passes the content check here and carries the watermark.

    Args:
        path: the segment.
        pictures: how many it has to hold.
        detector: finds the faces by which a picture is turned upright.
        content_check: looks at the first picture, and every `CHECK_EVERY`th.
        watermark: reads the mark.

    Raises:
        ContentBlocked, CheckUnavailable: as the check says; `stage` is "result".
        MarkingFailed: it holds another number of pictures, or no watermark is read in them.
        UnsupportedClip: as `probe_clip` says.
    """
    clip = probe_clip(path)
    if clip.frames != pictures:
        raise MarkingFailed(f"a segment came with {clip.frames} pictures instead of {pictures}")
    for number, (_, picture) in enumerate(read_pictures(clip)):
        if number % CHECK_EVERY == 0:
            seen = Image(to_upright_rgb(picture, clip))
            check(seen, content_check, "result", detector.detect(seen))
    # A segment lies as the clip stores it: which way is up, the finished file says.
    turned = (replace(clip, rotation=degrees) for degrees in (0, 90, 270, 180))
    if all(read_watermark(each, watermark).strength == "none" for each in turned):
        raise MarkingFailed("a segment came without its watermark")


def read_watermark(clip: ClipInfo, watermark: Watermark) -> Reading:
    """What the pictures of a clip carry together, evenly spread over it."""
    chosen = _spread(clip.frames)
    pictures = (picture for number, (_, picture) in enumerate(read_pictures(clip)) if number in chosen)
    return watermark.read_together([to_canonical(to_upright_rgb(each, clip)) for each in pictures])


def read_animation_watermark(path: Path, watermark: Watermark) -> Reading:
    """The same of an animation; raises `UnsupportedClip` where it is damaged."""
    chosen = _spread(count_pictures(path))
    pictures = (pixels for number, (pixels, _) in enumerate(read_animation(path)) if number in chosen)
    return watermark.read_together([to_canonical(each) for each in pictures])


def _spread(count: int) -> set[int]:
    """The pictures of `count` in which the watermark is read."""
    return {round(place * (count - 1) / (READ_BACK - 1)) for place in range(READ_BACK)}


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
