"""One edit from bytes to bytes, stage by stage: the table of contents of the pipeline.

A swap and a restoration are the same stages; what is done to the faces is a `FaceEdit`.
"""

import hashlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mien_core.errors import InvalidOptions, MienError
from mien_pipeline.face import Embedding, Portrait
from mien_pipeline.faces.detection import find_faces
from mien_pipeline.faces.detectors import OpenDetector
from mien_pipeline.faces.person import View, cut_out, find_person
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import result_format
from mien_pipeline.media.small_copy import decode_small
from mien_pipeline.options import Format, require_readable_count
from mien_pipeline.progress import Begun, OnStep, Stopwatch, begun_beside
from mien_pipeline.protocols import ContentCheck, Engine, FaceDetector, FaceEmbedder, Marker
from mien_pipeline.report import DetectorUse, FaceReport, ModelUse, PictureWarning, Swapped
from mien_pipeline.skin.eyewear import dims_both_eyes
from mien_pipeline.skin.sunglasses import hides_eyes
from mien_pipeline.swap_image import FaceEdit, Reference
from mien_pipeline.trust.check import PictureCheck, check, flatten

SKETCH_SIDE_PX = 264  # of the copy from which a watermark is worked out early: twice the side at which it is


@dataclass(frozen=True, slots=True)
class Components:
    """What every edit is made with, loaded once and used for many; `models` are what it was loaded from.

    `detection` says what `detector` is where it is not the one that every install has. `embedder` tells people apart;
    `judge` measures likeness where another recogniser is wanted for that.
    """

    detector: FaceDetector
    embedder: FaceEmbedder
    check: ContentCheck
    marker: Marker
    models: Sequence[ModelUse] = ()
    detection: OpenDetector | None = None
    judge: FaceEmbedder | None = None

    @property
    def detector_use(self) -> DetectorUse:
        """What found the faces, after they were found."""
        return self.detection.use if self.detection else DetectorUse()


@dataclass(frozen=True, slots=True)
class Early:
    """What is made of a picture while `decode_target` decodes it.

    Attributes:
        small: a copy for the watermark; None where there is none: see `decode_small`.
        marker: of its results, made from that copy; None without one, or without a marker that is loaded.
    """

    small: Begun[Image | None]
    marker: Begun[Marker | None]


@contextmanager
def begun_early(picture: bytes, marker: Marker | None) -> Generator[Early]:
    """Begin with what needs no decoded picture; the threads have ended when the block is left."""

    def copy(_: OnStep) -> Image | None:
        return decode_small(picture, SKETCH_SIDE_PX)

    def expect(on_step: OnStep) -> Marker | None:
        found = small.made.result()
        return marker.expect(found, on_step) if marker and found else None

    with begun_beside(copy) as small, begun_beside(expect) as early:
        yield Early(small, early)


def decode_target(picture: bytes, format: Format | None, clock: Stopwatch, early: Early | None = None) -> Image:
    """The picture to change; one that cannot be read, or not be written in `format`, is refused before the work."""
    with clock.stage("decode"):
        original = decode(picture, (lambda: early.small.made.result() is not None) if early else None)
        result_format(original, format)
        return original


def edit_picture(
    picture: bytes,
    edit: FaceEdit,
    components: Components,
    clock: Stopwatch,
    original: Image | None = None,
    early: Early | None = None,
) -> Swapped:
    """Change the faces of a picture: a `FaceSwap` puts reference faces in, a `FaceRestoration` repairs skin.

    Args:
        picture: encoded.
        edit: what is done to its faces.
        components: the loaded networks.
        clock: tells its listener about every step; what that raises ends the edit and nothing is left behind.
        original: the same picture, where the caller has decoded it: see `decode_target`.
        early: what the caller has begun with: see `begun_early`.

    Returns:
        The encoded, marked picture at its own size, with scores and timings.

    Raises:
        NoFaceFound: the picture shows no face that can be changed; `role` is "target".
        InvalidOptions: `field` names the option that this picture cannot fulfil.
        MienError: as each stage says.
    """
    original = original or decode_target(picture, edit.format, clock)

    def expect(on_step: OnStep) -> Marker:
        if early and (begun := early.marker.made.result()):
            return begun
        # A process that has just started has no marker early. It uses the same small copy, or its mark would differ.
        small = early.small.made.result() if early else decode_small(picture, SKETCH_SIDE_PX)
        return components.marker.expect(small or original, on_step)

    with begun_beside(expect, early.marker if early else None) as expecting:
        checking = PictureCheck(original, components.check, "target")
        with clock.concurrent_stage("check", checking.begin), clock.stage("detect"):
            seen = flatten(original)
            faces = find_faces(components.detector, seen, lambda: clock.step("detect", 0, 1, 0, 1))
        with clock.time("check"):
            checking.finish(faces)
        chosen = edit.choose(seen, faces)
        made = edit.change(original, faces, chosen, clock)
        found_by = components.detector_use
        record = edit.record((*components.models, *found_by.models))

        def judge(_: OnStep) -> list[FaceReport]:
            return edit.judge(seen, replace(made, image=flatten(made.image)), faces, chosen)

        with begun_beside(judge) as judging:
            with clock.stage("check-result"):
                check(made.image, components.check, "result", faces)
            with clock.concurrent_stage("score", judging.made.result), clock.stage("mark"):
                marked = expecting.made.result().mark(made.image, picture, record, edit.format)
    incomplete: tuple[PictureWarning, ...] = ("incomplete",) if original.missing_rows is not None else ()
    slower: tuple[PictureWarning, ...] = ("processor-instead",) if found_by.failed else ()
    return Swapped(
        data=marked.data,
        media_type=marked.media_type,
        engine=record.engine,
        size=(made.image.width, made.image.height),
        seconds=clock.elapsed,
        stages=clock.seconds,
        faces=tuple(judging.made.result()),
        provenance=marked.provenance,
        models=tuple(record.models),
        warnings=(*incomplete, *slower, *edit.warnings),
        missing_rows=original.missing_rows,
        left_out=edit.left_out,
        detector=found_by,
    )


def prepare(pictures: Sequence[bytes], engine: Engine, components: Components, clock: Stopwatch) -> Reference:
    """A reference face, ready for any number of targets.

    Args:
        pictures: one person's, at least one; of several, those that show someone else or no clear face are left out.
        engine: makes the likeness.
        components: the loaded networks.
        clock: counts the time as "identity".

    Raises:
        NoFaceFound, SeveralFaces: with `role` "reference".
        ReferenceGlasses: no picture shows the eyes.
        TooManyPictures: more than are read of one person.
        ContentBlocked, CheckUnavailable, InvalidImage, ImageTooLarge: as the stages say, with `role` too.
    """
    require_readable_count(len(pictures))
    with naming_role("reference"), clock.stage("identity"):
        seen = [_look_at(each, components, cut=len(pictures) > 1) for each in pictures]
        found = find_person(seen, components.embedder, hides_eyes=_hides_eyes)
        likeness = engine.prepare([each.portrait for each in found.views])
        incomplete = any(each.portrait.image.missing_rows is not None for each in found.views)
        measured = average_views(found.views, components.judge) if components.judge else None
        return Reference(likeness, found.embedding, incomplete, found.left_out, measured)


def average_views(views: Sequence[View], judge: FaceEmbedder) -> Embedding:
    """(D,) float32: the mean direction of a person's pictures under another recogniser."""
    found = [judge.embed(each.portrait.image, each.portrait.face) for each in views]
    return np.asarray(np.mean([each / (np.linalg.norm(each) or 1.0) for each in found], 0), np.float32)


def embed_likes(pictures: Sequence[bytes], likes: Sequence[str], components: Components) -> list[Embedding]:
    """Who is in the pictures by which `options.likes` names the faces to swap, in its order.

    Raises:
        NoFaceFound, SeveralFaces: with `role` "like".
        ContentBlocked, CheckUnavailable, InvalidImage, ImageTooLarge: as the stages say, with `role` too.
        InvalidOptions: `field` is "faces" where a picture that is named was not handed over.
    """
    by_digest = {f"sha256:{hashlib.sha256(each).hexdigest()}": each for each in pictures}
    if absent := [name for name in likes if name not in by_digest]:
        raise InvalidOptions(f"the picture {absent[0]} is not here", field="faces")
    with naming_role("like"):
        seen = {name: _look_at(by_digest[name], components) for name in dict.fromkeys(likes)}
        return [find_person([seen[name]], components.embedder, role="like").embedding for name in likes]


@contextmanager
def naming_role(role: Literal["reference", "like"]) -> Generator[None]:
    """Add `role` to any error raised inside, so that a caller can tell a bad reference from a bad target."""
    try:
        yield
    except MienError as error:
        error.fields.setdefault("role", role)
        raise


def _hides_eyes(portrait: Portrait) -> bool:
    mesh = portrait.face.mesh
    if mesh is None:
        return False
    return hides_eyes(portrait.image.pixels, mesh) or dims_both_eyes(portrait.image.pixels, mesh)


def _look_at(picture: bytes, components: Components, *, cut: bool = False) -> list[View]:
    """Every face of a picture that has passed the content check, if `cut` without what is far from it."""
    image = decode(picture)
    checking = PictureCheck(image, components.check, "reference")
    checking.begin()
    image = flatten(image)
    faces = components.detector.detect(image)
    checking.finish(faces)
    views = [View(Portrait(image, face), components.embedder.embed(image, face)) for face in faces]
    return [replace(view, portrait=cut_out(view.portrait)) for view in views] if cut else views
