"""Pictures → an animated GIF or WebP, each shown for as long as it was, as often as is asked for.

FFmpeg writes both; Pillow holds all pictures until the last. A GIF is written picture by picture. Of a WebP libwebp
keeps every encoded picture, and lays them out at the end.
"""

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Literal, cast

import av
import numpy as np
from av.filter import Graph
from av.video.format import VideoFormat
from av.video.frame import VideoFrame

from mien_pipeline.image import Pixels

AnimationFormat = Literal["gif", "webp"]
SECOND = Fraction(1)
_LONGEST_COMMENT = 255  # bytes of one block of a GIF
_GIF_HEAD, _HAS_TABLE = 13, 0x80  # its bytes before the table of colours, and the flag that says there is one
_MOST_PLAYS = 65_535  # that either format can tell
_WEBP_HAS_XMP, _WEBP_IS_ANIMATION = 0x04, 0x02  # of the flags of a VP8X chunk
_TIME_AT = 12  # in an ANMF chunk, after place and size of the picture, three bytes each


@dataclass(frozen=True, slots=True)
class _Kind:
    """What a format can tell of time.

    Attributes:
        tick: its unit.
        least: the shortest time for which browsers show a picture, in ticks; they make .1 s of a shorter one.
    """

    tick: Fraction
    least: int


_KINDS: dict[AnimationFormat, _Kind] = {"gif": _Kind(SECOND / 100, 2), "webp": _Kind(SECOND / 1000, 11)}


@dataclass(frozen=True, slots=True)
class Animation:
    """How an animation is to be written.

    Attributes:
        format: the file's.
        times: seconds at which each picture begins, growing; the last is the end of the last picture.
        plays: how often it is shown, 0 for ever.
        quality: 1..100 of a WebP's pictures; those of a GIF have 256 colours each.
    """

    format: AnimationFormat
    times: Sequence[Fraction]
    plays: int
    quality: int

    def choose_shown(self) -> tuple[list[int], list[int]]:
        """(the pictures that are long enough to be shown, when each begins and the last ends, in the format's ticks).

        A picture that is too short is left out, and the one before is shown for so much longer.
        """
        kind = _KINDS[self.format]
        *begins, end = [round((time - self.times[0]) / kind.tick) for time in self.times]
        shown = [0]
        for number, begin in enumerate(begins):
            if begin - begins[shown[-1]] >= kind.least:
                shown.append(number)
        return shown, [*(begins[number] for number in shown), max(end, begins[shown[-1]] + kind.least)]


def write_animation(path: Path, pictures: Iterable[Pixels], how: Animation, words: str, xmp: bytes) -> None:
    """Write (H, W, 3) uint8 RGB pictures, as many as `how` has times but one, to `path`.

    Args:
        words: what the file says of itself, plain text, where it is a GIF.
        xmp: the same as a packet, where it is a WebP.

    Raises:
        OSError: the disk refuses it.
    """
    shown, times = how.choose_shown()
    chosen = set(shown)
    kept = (pixels for number, pixels in enumerate(pictures) if number in chosen)
    if how.format == "gif":
        bare = path.with_suffix(".bare")
        try:
            _write_gif(bare, kept, times, how)
            _add_comment(bare, path, words.encode("ascii", "replace"))
        finally:
            bare.unlink(missing_ok=True)
    else:
        _write_webp(path, kept, times, how)
        _finish_webp(path, times[-1] - times[0], how.plays, xmp)


def _write_gif(path: Path, pictures: Iterable[Pixels], times: Sequence[int], how: Animation) -> None:
    """Each picture has the palette that is best for it; errors of colour go to the pixels beside."""
    # FFmpeg counts how often a GIF is shown again: 0 is for ever, -1 never.
    again = min(how.plays - 1, _MOST_PLAYS) or -1
    options = {"loop": str(again) if how.plays else "0"}
    options["final_delay"] = str(times[-1] - times[-2])
    tick = _KINDS["gif"].tick
    palettes: _Palettes | None = None
    with av.open(str(path), "w", format="gif", options=options) as container:
        stream = container.add_stream("gif", rate=25)
        stream.pix_fmt = "pal8"
        stream.time_base = stream.codec_context.time_base = tick
        for pixels, time in zip(pictures, times, strict=False):
            if palettes is None:
                stream.height, stream.width = pixels.shape[:2]
                palettes = _Palettes(stream.width, stream.height, tick)
            container.mux(stream.encode(palettes.reduce(pixels, time)))
        container.mux(stream.encode(None))


class _Palettes:
    """Reduces pictures to 256 colours."""

    def __init__(self, width: int, height: int, tick: Fraction) -> None:
        self._tick, self._graph = tick, Graph()
        source = self._graph.add_buffer(
            width=width, height=height, format=VideoFormat("rgb24", width, height), time_base=tick
        )
        split, self._sink = self._graph.add("split"), self._graph.add("buffersink")
        palette = self._graph.add("palettegen", "stats_mode=single:reserve_transparent=0")
        use = self._graph.add("paletteuse", "dither=sierra2_4a:new=1")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(palette, 1, 0)
        palette.link_to(use, 0, 1)
        use.link_to(self._sink)
        self._graph.configure()
        self._source = source

    def reduce(self, pixels: Pixels, time: int) -> VideoFrame:
        """The picture in 256 colours of its own."""
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        frame.pts, frame.time_base = time, self._tick
        self._source.push(frame)
        return cast("VideoFrame", self._sink.pull())


def _write_webp(path: Path, pictures: Iterable[Pixels], times: Sequence[int], how: Animation) -> None:
    tick = _KINDS["webp"].tick
    loop = str(min(how.plays, _MOST_PLAYS))  # of which FFmpeg counts as WebP does: in all
    with av.open(str(path), "w", format="webp", options={"loop": loop}) as container:
        stream = container.add_stream("libwebp_anim", rate=25)
        stream.pix_fmt, stream.options = "yuv420p", {"quality": str(30 + round(0.7 * how.quality)), "preset": "photo"}
        stream.time_base = stream.codec_context.time_base = tick
        for number, pixels in enumerate(pictures):
            if not number:
                stream.height, stream.width = pixels.shape[:2]
            frame = VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")
            # WebP's own colours: its specification says BT.601, and libwebp the range of television.
            frame = frame.reformat(format="yuv420p", dst_colorspace="ITU601", dst_color_range="MPEG")
            frame.pts, frame.time_base = times[number], tick
            frame.duration = times[number + 1] - times[number]
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _add_comment(bare: Path, path: Path, words: bytes) -> None:
    """Write the GIF `bare` to `path` with a comment extension (GIF89a, 24) before all pictures, where readers look."""
    with bare.open("rb") as source, path.open("wb") as out:
        head = source.read(_GIF_HEAD)
        if (flags := head[10]) & _HAS_TABLE:
            head += source.read(3 << ((flags & 0x07) + 1))
        said = words[:_LONGEST_COMMENT]
        out.write(head + b"\x21\xfe" + bytes([len(said)]) + said + b"\0")
        shutil.copyfileobj(source, out)


def _finish_webp(path: Path, end: int, plays: int, xmp: bytes) -> None:
    """Have the pictures end when they are to, whose last time libwebp guesses, and append the XMP packet as a chunk."""
    with path.open("r+b") as file:
        pictures = [at for name, at in _list_chunks(file) if name == b"ANMF"]
        if not pictures:
            pictures = [_wrap_still(file, plays)]
        _set_time(file, pictures[-1], end - sum(_read_time(file, at) for at in pictures[:-1]))
        flags = next(at for name, at in _list_chunks(file) if name == b"VP8X")
        file.seek(flags)
        said = file.read(1)[0]
        file.seek(flags)
        file.write(bytes([said | _WEBP_HAS_XMP]))
        file.seek(0, 2)
        file.write(_make_chunk(b"XMP ", xmp))
        size = file.tell() - 8
        file.seek(4)
        file.write(size.to_bytes(4, "little"))


def _wrap_still(file: BinaryIO, plays: int) -> int:
    """Make an animation of a still file, which libwebp writes where all pictures are equal; where its ANMF begins.

    Source: WebP Container Specification, "Extended file format"; RFC 6386, 9.1 for the sides of a lossy picture.
    """
    picture = next(at for name, at in _list_chunks(file) if name == b"VP8 ")
    file.seek(picture + 6)
    sides = [int.from_bytes(file.read(2), "little") & 0x3FFF for _ in range(2)]
    canvas = b"".join((side - 1).to_bytes(3, "little") for side in sides)
    file.seek(picture - 8)
    pixels = file.read()
    file.seek(12)
    file.write(_make_chunk(b"VP8X", bytes([_WEBP_IS_ANIMATION, 0, 0, 0]) + canvas))
    file.write(_make_chunk(b"ANIM", b"\xff" * 4 + min(plays, _MOST_PLAYS).to_bytes(2, "little")))
    began = file.tell() + 8
    file.write(_make_chunk(b"ANMF", bytes(6) + canvas + bytes(4) + pixels))
    return began


def _make_chunk(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "little") + content + b"\0" * (len(content) % 2)


def _read_time(file: BinaryIO, picture: int) -> int:
    """For how long the picture of the ANMF chunk whose content is at `picture` is shown, in ticks."""
    file.seek(picture + _TIME_AT)
    return int.from_bytes(file.read(3), "little")


def _set_time(file: BinaryIO, picture: int, ticks: int) -> None:
    file.seek(picture + _TIME_AT)
    file.write(ticks.to_bytes(3, "little"))


def _list_chunks(file: BinaryIO) -> Iterator[tuple[bytes, int]]:
    """(name, where its content begins) of every chunk of a RIFF file."""
    at = 12
    while True:
        file.seek(at)
        head = file.read(8)
        if len(head) < 8:
            return
        yield head[:4], at + 8
        size = int.from_bytes(head[4:], "little")
        at += 8 + size + size % 2
