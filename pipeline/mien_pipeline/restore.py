"""A restoration on its own: skin detail back into a picture from any tool, the face left as it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from mien_core.errors import NoFaceFound
from mien_pipeline.face import Face
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import result_format
from mien_pipeline.options import Format
from mien_pipeline.protocols import ContentCheck, FaceDetector, FaceEmbedder, Marker, Restorer
from mien_pipeline.report import IdentityScores, ModelUse, Swapped
from mien_pipeline.swap import Stopwatch, repaired, report
from mien_pipeline.trust.check import check


@dataclass(frozen=True, slots=True)
class Parts:
    """What a restoration is made with."""

    detector: FaceDetector
    embedder: FaceEmbedder
    check: ContentCheck
    restorer: Restorer
    marker: Marker
    models: Sequence[ModelUse] = ()


def restore(picture: bytes, amount: float, parts: Parts, clock: Stopwatch, format: Format | None = None) -> Swapped:
    """Restore every face of a picture.

    Args:
        picture: an encoded picture.
        amount: 0..1, the most that may be done; the lock on identity may allow less.
        parts: the loaded networks.
        clock: tells its listener about every stage.
        format: of the result; by default the picture's own.

    Raises:
        NoFaceFound: with `role` "target".
        MienError: as each stage says.
    """
    with clock.stage("decode"):
        original = decode(picture)
        result_format(original, format)  # what cannot be marked in that format is refused before the work
    with clock.beside("check", partial(check, original, parts.check, "target")), clock.stage("detect"):
        faces = parts.detector.detect(original)
    if not faces:
        raise NoFaceFound("the picture shows no face", role="target")
    result = original
    with clock.stage("restore"):
        result = repaired(original, faces, amount, parts.restorer, clock)
    with clock.beside("check-result", partial(check, result, parts.check, "result")), clock.stage("score"):
        scores = [likeness_kept(original, result, face, parts.embedder) for face in faces]
    with clock.stage("mark"):
        settings = {"engine": parts.restorer.name, "amount": amount}
        marked = parts.marker.mark(result, picture, settings, parts.models, format)
    return Swapped(
        data=marked.data,
        media_type=marked.media_type,
        engine=parts.restorer.name,
        size=(result.width, result.height),
        seconds=clock.elapsed,
        stages=clock.seconds,
        faces=tuple(report(index, face, scores[index], original.warnings) for index, face in enumerate(faces)),
        provenance=marked.provenance,
        models=tuple(parts.models),
    )


def likeness_kept(original: Image, result: Image, face: Face, embedder: FaceEmbedder) -> IdentityScores:
    """The reference of a restoration is the picture itself."""
    kept = embedder.similarity(embedder.embed(original, face), embedder.embed(result, face))
    return IdentityScores(embedder.recogniser, to_reference=kept, to_target=kept, before=1.0)
