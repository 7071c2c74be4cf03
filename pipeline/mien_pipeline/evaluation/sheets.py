"""Pictures side by side, for a person who looks at results; marked like every picture that shows a swapped face."""

from collections.abc import Mapping

from mien_core.errors import MienError
from mien_pipeline.engines.registry import DEFAULT_ENGINE, parse_options
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.sheet import draw_row
from mien_pipeline.protocols import Marker
from mien_pipeline.report import Edit, Swapped, describe
from mien_pipeline.runtime import Runtime

HEIGHT_PX = 512  # of the pictures in a row


def draw_side_by_side(marker: Marker, target: bytes, reference: bytes, result: Swapped) -> bytes:
    """A PNG of target, reference and result in a row."""
    pictures = [decode(data).pixels for data in (target, reference, result.data)]
    sheet = Image(draw_row(pictures, ("target", "reference", "result"), height_px=HEIGHT_PX))
    return marker.mark(sheet, target, Edit("swap", result.engine, None, result.models), "png").data


def draw_contact_sheet(
    runtime: Runtime, target: bytes, references: Mapping[str, bytes]
) -> tuple[bytes, Mapping[str, Mapping[str, object]]]:
    """A PNG of the target and of each reference's face on it, and the reports by reference.

    A reference that is refused has a report with the refusal's `code` and no picture.
    """
    options = parse_options({"engine": DEFAULT_ENGINE})
    pictures, captions = [decode(target).pixels], ["target"]
    reports: dict[str, Mapping[str, object]] = {}
    for name, reference in references.items():
        try:
            done = runtime.swap(target, [reference], options)
        except MienError as error:
            reports[name] = {"code": error.code, **error.fields}
            continue
        reports[name] = describe(done)
        scores = next(face.identity for face in done.faces if face.identity)
        pictures.append(decode(done.data).pixels)
        captions.append(f"{name} {scores.to_reference:.2f}, target {scores.to_target:.2f}")
    sheet = Image(draw_row(pictures, captions, HEIGHT_PX))
    marked = runtime.marker.mark(sheet, target, Edit("swap", options.engine, options, runtime.models), "png")
    return marked.data, reports
