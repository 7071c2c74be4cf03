"""Which encoder writes a clip, and how its quality is asked for.

`auto` is the source's own codec by an encoder of the platform or of the card, where there is one that works; else AV1
by SVT-AV1, which carries no GPL, takes less time than x264's `veryfast`, and a fifth of its bytes. x264 and x265 are
used only where their codec is asked for by name.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cache
from typing import cast, get_args

import av
from av.codec.codec import UnknownCodecError
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext

from mien_core.errors import InvalidOptions
from mien_pipeline.clip_options import Codec as Codec
from mien_pipeline.media.clip.probe import ClipInfo
from mien_pipeline.media.clip.threads import calm_threads
from mien_pipeline.media.clip.working_form import WorkingForm

CODECS: tuple[Codec, ...] = get_args(Codec)

os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 prints its settings else: errors only

_TRIED_SIDE = 256  # no card's encoder refuses pictures of this size


@dataclass(frozen=True, slots=True)
class Encoder:
    """One encoder of FFmpeg.

    Attributes:
        name: FFmpeg's.
        codec: what it writes.
        options: its own, without the quality.
        quality: the name of its quality option; and what quality 0 and 100 of a person are there.
        worst, best: see `quality`.
        is_hardware: its output may differ from run to run, and it may be absent or busy.
        even_only: it refuses odd sizes.
        ten_bits: the format in which it takes 10 bits; None where it takes none.
    """

    name: str
    codec: Codec
    quality: str
    worst: float
    best: float
    options: Mapping[str, str] = field(default_factory=dict[str, str])
    is_hardware: bool = False
    even_only: bool = False
    ten_bits: bool = True

    def set_quality(self, quality: int) -> dict[str, str]:
        """All of its options at a quality of 1..100."""
        value = round(self.worst + (self.best - self.worst) * quality / 100)
        return {**self.options, self.quality: str(value)}


def _hardware(name: str, codec: Codec, quality: str, worst: float, best: float, **options: str) -> Encoder:
    ten = codec != "h264"
    return Encoder(name, codec, quality, worst, best, options, is_hardware=True, even_only=True, ten_bits=ten)


# It prints its settings else. Without bidirectional pictures, since with them it refuses segments of one or two.
_X265 = "log-level=none:bframes=0"
# Quality 70, the default, is what the fact sheet's table was measured with: 43 dB of a 720p clip. The hardware rows
# were not run: their scales are those of their makers' documents.
ENCODERS: tuple[Encoder, ...] = (
    _hardware("h264_videotoolbox", "h264", "q:v", 20, 90),
    _hardware("h264_mf", "h264", "quality", 1, 100, rate_control="quality"),
    _hardware("h264_nvenc", "h264", "cq", 48, 8, preset="p4", rc="vbr"),
    _hardware("h264_qsv", "h264", "global_quality", 48, 8),
    _hardware("h264_amf", "h264", "qp_i", 48, 8, rc="cqp"),
    _hardware("hevc_videotoolbox", "hevc", "q:v", 20, 90),
    _hardware("hevc_mf", "hevc", "quality", 1, 100, rate_control="quality"),
    _hardware("hevc_nvenc", "hevc", "cq", 48, 8, preset="p4", rc="vbr"),
    _hardware("hevc_qsv", "hevc", "global_quality", 48, 8),
    _hardware("hevc_amf", "hevc", "qp_i", 48, 8, rc="cqp"),
    _hardware("av1_nvenc", "av1", "cq", 55, 15, preset="p4", rc="vbr"),
    _hardware("av1_qsv", "av1", "global_quality", 55, 15),
    _hardware("av1_amf", "av1", "qp_i", 200, 40, rc="cqp"),
    Encoder("libsvtav1", "av1", "crf", 63, 13, {"preset": "10", "svtav1-params": "lp=1"}),
    Encoder("libx264", "h264", "crf", 51, 4, {"preset": "veryfast"}, even_only=True),
    Encoder(
        "libx265",
        "hevc",
        "crf",
        51,
        7,
        {"preset": "veryfast", "x265-params": _X265},
        even_only=True,
    ),
    Encoder("libvpx-vp9", "vp9", "crf", 63, 7, {"deadline": "realtime", "cpu-used": "8", "b": "0"}),
)
_SVT = next(each for each in ENCODERS if each.name == "libsvtav1")
# FFmpeg's decoders of the codecs that are also written.
_DECODERS: Mapping[str, Codec] = {"h264": "h264", "hevc": "hevc", "libdav1d": "av1", "av1": "av1", "vp9": "vp9"}


def choose_encoder(clip: ClipInfo, wanted: Codec | None) -> Encoder:
    """The encoder for a clip; `wanted` None is `auto`.

    Raises:
        InvalidOptions: `field` is "encoder"; there is none for that codec here, or none that takes this clip.
    """
    ways = _list_ways(clip.codec, wanted)
    for encoder in ways:
        form = clip.form.name if encoder.ten_bits else "yuv420p"
        if _takes(encoder, clip.size, clip.form) and works(encoder.name, form):
            return encoder
    there = [encoder for encoder in ways if works(encoder.name, "yuv420p")]
    raise _refuse(clip.size, clip.form, wanted, has_codec=bool(there))


def require_encoder(own: str, size: tuple[int, int], form: WorkingForm, wanted: Codec | None) -> None:
    """Return unless it is certain that `choose_encoder` would refuse such a clip; nothing is encoded to know.

    This holds in a cage, too, from which a card or the system's encoders cannot be reached.

    Args:
        own: the codec of the clip.
        size: width and height as they are stored.
        form: how its pictures are held.
        wanted: None is `auto`.

    Raises:
        InvalidOptions: as `choose_encoder`.
    """
    there = [encoder for encoder in _list_ways(own, wanted) if _is_built_in(encoder.name)]
    if not any(_takes(encoder, size, form) for encoder in there):
        raise _refuse(size, form, wanted, has_codec=bool(there))


def _refuse(size: tuple[int, int], form: WorkingForm, wanted: Codec | None, *, has_codec: bool) -> InvalidOptions:
    if wanted and has_codec:
        words = f"{wanted} cannot hold this clip: {size[0]} × {size[1]} pixels of {form.bits} bits"
    else:
        words = f"there is no encoder for {wanted or 'av1'} here"
    return InvalidOptions(words, field="encoder")


def _list_ways(own: str, wanted: Codec | None) -> list[Encoder]:
    """The encoders that may write a clip whose own codec is `own`, the preferred first."""
    if wanted:
        return [each for each in ENCODERS if each.codec == wanted]
    return [*(each for each in ENCODERS if each.codec == _DECODERS.get(own) and each.is_hardware), _SVT]


def _takes(encoder: Encoder, size: tuple[int, int], form: WorkingForm) -> bool:
    is_even = size[0] % 2 == 0 and size[1] % 2 == 0
    return (is_even or not encoder.even_only) and (encoder.ten_bits or form.bits == 8)


def _is_built_in(encoder: str) -> bool:
    """Whether this FFmpeg has the encoder; the machine may still lack its hardware."""
    try:
        av.Codec(encoder, "w")
    except UnknownCodecError:
        return False
    return True


@cache
def works(encoder: str, form: str) -> bool:
    """Whether this machine has what the encoder needs: one grey picture is encoded to know."""
    try:
        context = cast("VideoCodecContext", av.CodecContext.create(encoder, "w"))
        context.width = context.height = _TRIED_SIDE
        context.pix_fmt, context.time_base, context.framerate = form, Fraction(1, 25), Fraction(25)
        frame = av.VideoFrame(_TRIED_SIDE, _TRIED_SIDE, form)
        for plane in frame.planes:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts = 0
        return bool([*context.encode(frame), *context.encode(None)])
    except (FFmpegError, ValueError, OSError):
        return False
    finally:
        calm_threads()
