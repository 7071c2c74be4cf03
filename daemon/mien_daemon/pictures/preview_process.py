"""The process that reads headers and makes previews: in a cage, with little memory, one picture or clip at a time.

It ends when its standard input is closed. `preview_start` closes the cage before this is loaded.
"""

import os
import sys
from pathlib import Path

from mien_core.errors import MienError
from mien_daemon.worker import messages
from mien_daemon.worker.messages import ClipRead, Failed, HeaderRead, MakePreview, PreviewMade, ReadClip, ReadHeader
from mien_pipeline.clip_options import require_clips
from mien_pipeline.media.previews import make_preview
from mien_pipeline.media.probe import probe


def read_clip(wanted: ReadClip) -> ClipRead:
    """What a clip is.

    Raises:
        UnsupportedClip, HdrClip, ClipTooLong, ImageTooLarge, InvalidOptions: as `probe.probe_part` says.
        ClipTooLong: a WebP cannot hold so many pictures.
        InvalidOptions: `field` "encoder": there is none that writes this clip.
    """
    require_clips()
    from mien_pipeline.media.clip.animated import FORM, is_animated, measure_animation
    from mien_pipeline.media.clip.encoders import require_encoder
    from mien_pipeline.media.clip.probe import count_part, probe_part, require_animation

    path = Path(wanted.clip)
    if is_animated(path):
        kind, size, frames, duration = measure_animation(path, wanted.begin_s, wanted.end_s)
        if wanted.encoder is not None:
            require_encoder(kind, size, FORM, None if wanted.encoder == "auto" else wanted.encoder)
        require_animation(wanted.format, size, count_part(duration, frames, wanted.begin_s, wanted.end_s))
        return ClipRead(kind, *size, frames, duration)
    clip = probe_part(path, wanted.begin_s, wanted.end_s)
    if wanted.encoder is not None:
        require_encoder(clip.codec, clip.size, clip.form, None if wanted.encoder == "auto" else wanted.encoder)
    frames = count_part(clip.duration_s, clip.frames, wanted.begin_s, wanted.end_s)
    require_animation(wanted.format, clip.seen_size, frames)
    return ClipRead(clip.codec, *clip.seen_size, clip.frames, clip.duration_s)


def main() -> None:
    """Answer each request on standard input."""
    incoming, outgoing = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while isinstance(wanted := messages.read(incoming), ReadHeader | ReadClip | MakePreview):
        outgoing.write(answer(wanted))
        outgoing.flush()
    sys.exit(0)


def answer(wanted: ReadHeader | ReadClip | MakePreview) -> bytes:
    """The frame that answers, with a preview's bytes behind it."""
    try:
        if isinstance(wanted, ReadHeader):
            info = probe(Path(wanted.picture))
            return messages.encode(HeaderRead(info.format, info.width, info.height))
        if isinstance(wanted, ReadClip):
            return messages.encode(read_clip(wanted))
        made = make(wanted)
        return messages.encode(PreviewMade(len(made))) + made
    except MienError as error:
        return messages.encode(Failed("", error.code, str(error), error.fields))
    except MemoryError:
        return messages.encode(Failed("", "image-too-large", "the picture needs more memory than a preview may have"))
    except OSError as error:
        return messages.encode(Failed("", "invalid-image", error.strerror or "the picture cannot be read"))


def make(wanted: MakePreview) -> bytes:
    """The JPEG that is wanted, of a picture or of a clip."""
    path = Path(wanted.picture)
    return make_preview(path, wanted.side, is_result=wanted.is_result, at_s=wanted.at_s, region=wanted.region)
