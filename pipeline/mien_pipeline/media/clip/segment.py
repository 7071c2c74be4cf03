"""A stretch of a clip, encoded by itself: it begins with a key picture and plays alone.

Its times count from its own first picture, in ticks of 1/90000 s or of the clip's base: `join` puts the clip's own
times back.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
from av.video.stream import VideoStream

from mien_core.errors import MarkingFailed
from mien_pipeline.media.clip.encoders import Encoder
from mien_pipeline.media.clip.frames import Frame, to_video_frame
from mien_pipeline.media.clip.probe import ClipInfo
from mien_pipeline.media.clip.threads import calm_threads
from mien_pipeline.media.clip.ticks import output_base


@dataclass(frozen=True, slots=True)
class EncoderSettings:
    """How every segment of a clip is encoded; the same settings make the same bytes of the same pictures.

    Attributes:
        encoder: which.
        quality: 1..100.
    """

    encoder: Encoder
    quality: int

    @property
    def identity(self) -> str:
        """What must be the same for segments to fit together, the library's version included."""
        return f"{self.encoder.name} {self.encoder.set_quality(self.quality)} {name_library()}"


def name_library() -> str:
    """The version of what encodes here; segments of another one do not fit."""
    return f"{av.__version__} {av.library_versions['libavcodec']}"


def write_segment(path: Path, frames: Iterable[Frame], clip: ClipInfo, settings: EncoderSettings) -> int:
    """Encode the frames into a file that is there when this returns, and return their number.

    Raises:
        OSError: the disk refuses it.
        MarkingFailed: the encoder does.
    """
    base = output_base(clip.time_base)
    count, first = 0, 0
    with av.open(str(path), "w", format="mp4", options=muxer_options(base)) as container:
        stream = cast("VideoStream", container.add_stream(settings.encoder.name, rate=round_rate(clip)))
        stream.width, stream.height = clip.size
        stream.pix_fmt = clip.form.name
        stream.options = dict(settings.encoder.set_quality(settings.quality))
        stream.time_base = base
        context = stream.codec_context
        context.time_base, context.sample_aspect_ratio = base, clip.aspect
        context.thread_count = 1
        context.color_range, context.color_primaries = clip.colour.range, clip.colour.primaries
        context.color_trc, context.colorspace = clip.colour.transfer, clip.colour.tagged_matrix
        for frame in frames:
            picture = to_video_frame(frame)
            first = frame.time if not count else first
            picture.pts, picture.time_base = int((frame.time - first) * clip.time_base / base), base
            container.mux(stream.encode(picture))
            if not count:
                calm_threads()  # the first picture has opened the encoder
            count += 1
        container.mux(stream.encode(None))
    if not count:
        raise MarkingFailed("a stretch of the clip holds no picture")
    return count


def muxer_options(base: Fraction) -> dict[str, str]:
    """For an MP4 file whose video counts in ticks of `base`."""
    return {"video_track_timescale": str(base.denominator)}


def round_rate(clip: ClipInfo) -> Fraction:
    """Pictures a second on average, for the encoder's sense of time alone: every picture keeps its own."""
    return Fraction(max(1, clip.frames) / max(clip.duration_s, 1e-3)).limit_denominator(1001)
