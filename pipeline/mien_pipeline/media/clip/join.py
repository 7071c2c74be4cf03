"""Segments and the clip's own sound → one MP4 file, with the clip's times, languages, chapters and rotation."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from io import BytesIO
from pathlib import Path
from typing import Any, cast

import av
from av.container import InputContainer, OutputContainer
from av.error import FFmpegError
from av.packet import Packet
from av.stream import Stream

from mien_core.errors import MarkingFailed
from mien_pipeline.media.clip.probe import AudioTrack, ClipInfo, open_clip
from mien_pipeline.media.clip.segment import muxer_options
from mien_pipeline.media.clip.ticks import output_base


@dataclass(frozen=True, slots=True)
class Span:
    """Which pictures of a clip are in the result.

    Attributes:
        times: of each, in ticks of the clip's time base, growing.
        end: of the last, in the same ticks.
        is_whole: it is all of them, and sound before the first and after the last belongs to the clip.
    """

    times: tuple[int, ...]
    end: int
    is_whole: bool = True


def find_copied(clip: ClipInfo) -> tuple[AudioTrack, ...]:
    """The audio tracks that an MP4 file takes as they are; found by asking for a file with each."""
    with open_clip(clip.path) as source:
        return tuple(each for each in clip.audio if _fits(source.streams[each.index]))


def _fits(template: Stream) -> bool:
    try:
        with av.open(BytesIO(), "w", format="mp4") as container:
            container.add_stream_from_template(template, opaque=True)
            container.start_encoding()
    except (FFmpegError, ValueError):
        return False
    return True


def join(path: Path, segments: Sequence[Path], clip: ClipInfo, span: Span, comment: str) -> tuple[AudioTrack, ...]:
    """Write the clip to `path`: the segments' pictures at the clip's own times, and its audio packets byte for byte.

    Returns:
        The audio tracks that were copied: those that MP4 takes.

    Raises:
        MarkingFailed: the segments do not fit together.
        OSError: the disk refuses it.
    """
    copied, base = find_copied(clip), output_base(clip.time_base)
    options = {**muxer_options(base), "movflags": "+faststart"}
    with open_clip(clip.path) as source, av.open(str(path), "w", format="mp4", options=options) as made:
        with av.open(str(segments[0])) as first:
            video = made.add_stream_from_template(first.streams.video[0], opaque=True)
            extradata = first.streams.video[0].codec_context.extradata
        video.time_base = base
        if clip.rotation:
            video.set_display_rotation(clip.rotation)
        sounds = {each.index: _add_track(made, source, each.index) for each in copied}
        _copy_names(made, source, clip, comment)
        pictures = _place_pictures(segments, video, clip, span, extradata)
        packets = heapq.merge(pictures, _place_sound(source, sounds, clip, span), key=_when)
        for packet in packets:
            made.mux_one(packet)
    return copied


def _when(packet: Packet[Any]) -> float:
    return float((packet.dts or 0) * (packet.time_base or 1))


def _add_track(made: OutputContainer, source: InputContainer, index: int) -> Stream:
    template = source.streams[index]
    track = made.add_stream_from_template(template, opaque=True)
    track.metadata.update({key: value for key, value in template.metadata.items() if key in {"language", "title"}})
    track.disposition = template.disposition
    return track


def _copy_names(made: OutputContainer, source: InputContainer, clip: ClipInfo, comment: str) -> None:
    """Chapters and the video's language go along; places, devices and people's names in the file's tags do not."""
    made.metadata["comment"] = comment
    language = source.streams[clip.stream].metadata.get("language")
    if language:
        made.streams.video[0].metadata["language"] = language
    if chapters := source.chapters():
        made.set_chapters(chapters)


def _place_pictures(
    segments: Sequence[Path], video: Stream, clip: ClipInfo, span: Span, extradata: bytes | None
) -> Iterator[Packet[Any]]:
    """The segments' packets with the clip's times, and decode times made anew: encoders' own would collide.

    A picture is decoded no later than it is shown: decode times are the shown ones, later by the largest reordering.
    """
    base, origin = output_base(clip.time_base), _origin(span)
    shown = [int((time - origin) * clip.time_base / base) for time in (*span.times, span.end)]
    reordering, ranks = _plan_order(segments, extradata)
    if len(ranks) != len(span.times):
        raise MarkingFailed(f"the segments hold {len(ranks)} pictures instead of {len(span.times)}")
    step = max(1, shown[1] - shown[0])
    order = iter(enumerate(ranks))
    for segment in segments:
        with av.open(str(segment)) as container:
            for packet in container.demux(container.streams.video[0]):
                if not packet.size:
                    continue
                number, rank = next(order)
                packet.pts, packet.duration = shown[rank], shown[rank + 1] - shown[rank]
                early = number - reordering
                packet.dts = shown[early] if early >= 0 else shown[0] + early * step
                packet.time_base, packet.stream = base, cast("Any", video)
                yield packet


def _plan_order(segments: Sequence[Path], extradata: bytes | None) -> tuple[int, list[int]]:
    """By how many places a picture is decoded before it is shown at most, and the place of each packet's picture."""
    ranks: list[int] = []
    for segment in segments:
        with av.open(str(segment)) as container:
            stream = container.streams.video[0]
            if stream.codec_context.extradata != extradata:
                raise MarkingFailed("the segments were encoded in different ways")
            times = [packet.pts or 0 for packet in container.demux(stream) if packet.size]
        places = {time: place for place, time in enumerate(sorted(times))}
        ranks += [len(ranks) + places[time] for time in times] if len(places) == len(times) else []
    return max((number - rank for number, rank in enumerate(ranks)), default=0), ranks


def _place_sound(
    source: InputContainer, tracks: dict[int, Stream], clip: ClipInfo, span: Span
) -> Iterator[Packet[Any]]:
    if not tracks:
        return
    origin = _origin(span) * clip.time_base
    until = span.end * clip.time_base
    for packet in source.demux([source.streams[index] for index in tracks]):
        if packet.dts is None or packet.pts is None:
            continue
        begins = packet.pts * packet.time_base
        if not span.is_whole and not origin <= begins < until:
            continue
        shift = round(origin / packet.time_base)
        packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
        packet.stream = tracks[packet.stream_index]
        yield packet


def _origin(span: Span) -> int:
    """What counts as time 0 of the result, in the clip's ticks: that of a whole clip stays."""
    return 0 if span.is_whole else span.times[0]


def duration_of(span: Span, base: Fraction) -> float:
    """Seconds from its first picture to the end of its last."""
    return float((span.end - span.times[0]) * base)
