"""One edit from bytes to bytes, stage by stage: the table of contents of the pipeline.

A swap and a restoration are the same stages; what is done to the faces is a `FaceEdit`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from mien_core.errors import NoFaceFound, SeveralFaces
from mien_pipeline.face import Face
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import result_format
from mien_pipeline.options import Format
from mien_pipeline.progress import Stopwatch
from mien_pipeline.protocols import ContentCheck, Engine, FaceDetector, FaceEmbedder, Marker
from mien_pipeline.report import ModelUse, PictureWarning, Swapped
from mien_pipeline.swap_image import FaceEdit, Reference, area
from mien_pipeline.trust.check import check, flatten

# A second face this large beside the largest makes it unclear whose identity is meant.
RIVAL_AREA = 0.5


@dataclass(frozen=True, slots=True)
class Components:
    """What every edit is made with, loaded once and used for many; `models` are what it was loaded from."""

    detector: FaceDetector
    embedder: FaceEmbedder
    check: ContentCheck
    marker: Marker
    models: Sequence[ModelUse] = ()


def decode_target(picture: bytes, format: Format | None, clock: Stopwatch) -> Image:
    """The picture to change; one that cannot be read, or not be written in `format`, is refused before the work."""
    with clock.stage("decode"):
        original = decode(picture)
        result_format(original, format)
        return original


def edit_picture(
    picture: bytes, edit: FaceEdit, components: Components, clock: Stopwatch, original: Image | None = None
) -> Swapped:
    """Change the faces of a picture: a `FaceSwap` puts reference faces in, a `FaceRestoration` repairs skin.

    Args:
        picture: encoded.
        edit: what is done to its faces.
        components: the loaded networks.
        clock: tells its listener about every step; what that raises ends the edit and nothing is left behind.
        original: the same picture, where the caller has decoded it: see `decode_target`.

    Returns:
        The encoded, marked picture at its own size, with scores and timings.

    Raises:
        NoFaceFound: the picture shows no face that can be changed; `role` is "target".
        InvalidOptions: `field` names the option that this picture cannot fulfil.
        MienError: as each stage says.
    """
    original = original or decode_target(picture, edit.format, clock)
    with clock.concurrent_stage("check", partial(check, original, components.check, "target")), clock.stage("detect"):
        seen = flatten(original)
        faces = components.detector.detect(seen)
        chosen = edit.choose(faces)
    made = edit.change(original, faces, chosen, clock)
    checked = partial(check, made.image, components.check, "result")
    with clock.concurrent_stage("check-result", checked), clock.stage("score"):
        reports = edit.judge(seen, replace(made, image=flatten(made.image)), faces, chosen)
    incomplete: tuple[PictureWarning, ...] = ("incomplete",) if original.missing_rows is not None else ()
    record = edit.record(components.models)
    with clock.stage("mark"):
        marked = components.marker.mark(made.image, picture, record, edit.format)
    return Swapped(
        data=marked.data,
        media_type=marked.media_type,
        engine=record.engine,
        size=(made.image.width, made.image.height),
        seconds=clock.elapsed,
        stages=clock.seconds,
        faces=tuple(reports),
        provenance=marked.provenance,
        models=tuple(record.models),
        warnings=(*incomplete, *edit.warnings),
        missing_rows=original.missing_rows,
    )


def prepare(reference: bytes, engine: Engine, components: Components, clock: Stopwatch) -> Reference:
    """A reference face, ready for any number of targets.

    Raises:
        NoFaceFound, SeveralFaces: with `role` "reference".
        ContentBlocked, CheckUnavailable, InvalidImage, ImageTooLarge: as the stages say.
    """
    with clock.stage("identity"):
        image = decode(reference)
        check(image, components.check, "reference")
        image = flatten(image)
        face = choose_reference_face(components.detector.detect(image))
        likeness = engine.prepare(image, face)
        return Reference(likeness, components.embedder.embed(image, face), image.missing_rows is not None)


def choose_reference_face(faces: Sequence[Face]) -> Face:
    """The face that a reference picture is of: the largest, when no other is nearly as large."""
    by_size = sorted(faces, key=area, reverse=True)
    if not by_size:
        raise NoFaceFound("the reference shows no face", role="reference")
    if len(by_size) > 1 and area(by_size[1]) > RIVAL_AREA * area(by_size[0]):
        raise SeveralFaces(f"the reference shows {len(by_size)} faces", role="reference", found=len(by_size))
    return by_size[0]
