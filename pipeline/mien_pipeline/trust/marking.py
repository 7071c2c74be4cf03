"""The one way a result leaves: watermark, then the file with its metadata, then signed credentials."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from mien_core.errors import InvalidImage, MarkingFailed
from mien_pipeline.image import Image
from mien_pipeline.media import kinds, metadata
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import MEDIA_TYPES, encode, loses, result_format
from mien_pipeline.options import Format
from mien_pipeline.progress import OnStep, ignore_step
from mien_pipeline.report import Edit, Marked, Provenance
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.credentials import sign, sign_clip
from mien_pipeline.trust.watermark import Attempt, Reading, Sketch, Watermark


class ResultMarker:
    """Marks every result of every engine; loaded once, thread-safe."""

    def __init__(self, watermark: Path, authority: Authority, time_stamp_url: str | None = None) -> None:
        """
        Args:
            watermark: rivaGAN's decoder, an ONNX file.
            authority: whose certificate signs; it is made on first use.
            time_stamp_url: see `credentials.sign`.

        Raises:
            MarkingFailed: the networks cannot be loaded, or no certificate made.
        """
        self._watermark = Watermark(watermark)
        self._authority = authority
        self._authority.signatory()  # made now, so that what cannot be signed is known before the work
        self._time_stamp_url = time_stamp_url

    def expect(self, original: Image, on_step: OnStep = ignore_step) -> "SketchedMarker":
        """See `protocols.Marker.expect`."""
        return SketchedMarker(self, self._watermark.sketch(original.pixels, on_step))

    def mark(
        self, result: Image, target: bytes, edit: Edit, format: Format | None = None, sketch: Sketch | None = None
    ) -> Marked:
        """See `protocols.Marker.mark`; `sketch` is the mark of the picture that `result` was made from.

        Raises:
            InvalidOptions: `format` cannot hold this picture; worth asking `result_format` before the swap.
            MarkingFailed: it could not be marked, so there is nothing to deliver.
        """
        chosen = result_format(result, format)
        xmp = metadata.write_packet(f"{metadata.CREATOR_TOOL} ({edit.engine})", metadata.DESCRIPTIONS[edit.kind])
        encoded, reading = b"", Reading(0)
        for attempt in self._watermark.attempts(result.pixels, sketch):
            encoded, reading = self._encode(result, attempt, chosen, xmp, edit.quality)
            if attempt.holds(reading):
                break
        media_type = MEDIA_TYPES[chosen]
        signatory = self._authority.signatory()
        signed = sign(encoded, media_type, target, media_type_of(target), edit, signatory, self._time_stamp_url)
        return Marked(signed, media_type, Provenance(c2pa=True, watermark=reading.strength))

    def _encode(
        self, result: Image, attempt: Attempt, format: Format, xmp: bytes, quality: int | None
    ) -> tuple[bytes, Reading]:
        """The file, and what is read of its mark: of the file itself where a quality was asked for that may lose it."""
        marked = replace(result, pixels=attempt.pixels)
        try:
            if quality is not None and loses(format):
                encoded = encode(marked, format, xmp, quality)
                return encoded, self._watermark.read(decode(encoded).pixels)
            with ThreadPoolExecutor(1) as beside:  # read while it is encoded: one in many has to be marked again
                read = beside.submit(self._watermark.read, attempt.padded)
                encoded = encode(marked, format, xmp)
        except (OSError, ValueError, MemoryError) as error:
            raise MarkingFailed(f"the {format} file could not be written") from error
        return encoded, read.result()

    @property
    def watermark(self) -> Watermark:
        """The network that writes and reads the invisible mark."""
        return self._watermark

    def sign_clip(
        self, made: Path, signed: Path, media_type: str, target: Path, target_media_type: str, edit: Edit
    ) -> None:
        """Write the clip or animation `made` with credentials to `signed`; `target` is what it was made from.

        Raises:
            MarkingFailed: it could not be signed, so there is nothing to deliver.
        """
        signatory = self._authority.signatory()
        sign_clip(made, signed, media_type, target, target_media_type, edit, signatory, self._time_stamp_url)


@dataclass(frozen=True, slots=True, eq=False)
class SketchedMarker:
    """Marks the result of one picture whose watermark it has worked out."""

    marker: ResultMarker
    sketch: Sketch

    def expect(self, original: Image, on_step: OnStep = ignore_step) -> "SketchedMarker":
        """See `protocols.Marker.expect`."""
        return self.marker.expect(original, on_step)

    def mark(self, result: Image, target: bytes, edit: Edit, format: Format | None = None) -> Marked:
        """See `ResultMarker.mark`."""
        return self.marker.mark(result, target, edit, format, self.sketch)


def media_type_of(target: bytes) -> str:
    """The media type under which the target is recorded as the parent."""
    kind = kinds.kind_of(target[:64])
    if kind not in kinds.READABLE.values():
        raise InvalidImage("the target is not a picture", found=kind)
    return f"image/{kind}"


class NoMarker:
    """The marker of a process that hands out no results."""

    def expect(self, original: Image, on_step: OnStep = ignore_step) -> "NoMarker":  # noqa: ARG002
        """See `protocols.Marker.expect`."""
        return self

    def mark(self, result: Image, target: bytes, edit: Edit, format: Format | None = None) -> Marked:  # noqa: ARG002
        """Raises `MarkingFailed`: without a mark there is no result."""
        raise MarkingFailed("this process hands out no results")
