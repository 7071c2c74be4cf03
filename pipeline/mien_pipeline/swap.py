"""One swap, stage by stage: the table of contents of the pipeline."""

import time
from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict, dataclass
from functools import partial

from mien_core.errors import InvalidOptions, NoFaceFound, SeveralFaces
from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Floats, Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import result_format
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnProgress, Progress, ignore_progress
from mien_pipeline.protocols import ContentCheck, Engine, FaceDetector, FaceEmbedder, Likeness, Marker, Restorer
from mien_pipeline.report import FaceReport, IdentityScores, ModelUse, Swapped, SwapWarning
from mien_pipeline.skin.blend import paste_back
from mien_pipeline.trust.check import check

# A second face this large beside the largest makes it unclear whose identity is meant.
RIVAL_AREA = 0.5


@dataclass(frozen=True, slots=True)
class Parts:
    """What a swap is made with, loaded once and used for many."""

    detector: FaceDetector
    embedder: FaceEmbedder
    check: ContentCheck
    engine: Engine
    marker: Marker
    restorer: Restorer | None = None
    models: Sequence[ModelUse] = ()  # what the parts beside the engine were loaded from


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A reference face, checked and prepared: all that no target changes."""

    likeness: Likeness
    embedding: Floats


class Stopwatch:
    """Seconds by stage, and word of each stage's beginning and end."""

    def __init__(self, on_progress: OnProgress = ignore_progress) -> None:
        self.seconds: dict[str, float] = {}
        self.started = time.perf_counter()
        self.on_progress = on_progress

    def stage(self, name: str) -> AbstractContextManager[None]:
        """A stage that the listener hears of."""
        self.on_progress(Progress(name, 0, 1))
        return self.timed(name)

    @contextmanager
    def beside(self, name: str, work: Callable[[], object]) -> Generator[None]:
        """A stage gone through while the block is, and over at its end; what it raises wins over what the block does.

        Its seconds are those that the block's end has to wait for it, so that all stages add up to the whole.
        """
        self.on_progress(Progress(name, 0, 1))
        with ThreadPoolExecutor(1) as thread:
            done = thread.submit(work)
            try:
                yield
            finally:
                with self.timed(name):
                    done.result()

    @contextmanager
    def timed(self, name: str) -> Generator[None]:
        began = time.perf_counter()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def step(self, stage: str, turn: int, turns: int, done: int, total: int) -> None:
        """Word of one step, when the stage is gone through once for each of several faces."""
        self.on_progress(Progress(stage, turn * total + done, turns * total))

    @property
    def elapsed(self) -> float:
        return time.perf_counter() - self.started


def swap(
    target: bytes,
    references: Sequence[Reference],
    options: SwapOptions,
    parts: Parts,
    clock: Stopwatch,
) -> Swapped:
    """Put the reference faces into the target image.

    Args:
        target: an encoded picture.
        references: one for every chosen face, or one for all of them.
        options: which faces, which engine's settings.
        parts: the loaded networks.
        clock: tells its listener about every step; whatever that raises ends the swap and nothing is left behind.

    Returns:
        The encoded, marked picture at the target's own size, with scores and timings.

    Raises:
        NoFaceFound: the target shows no face that can be swapped.
        InvalidOptions: `faces` names a face that is not there, or does not match the number of references.
        MienError: as each stage says.
    """
    with clock.stage("decode"):
        original = decode(target)
        result_format(original, options.format)  # what cannot be marked in that format is refused before the work
    with clock.beside("check", partial(check, original, parts.check, "target")), clock.stage("detect"):
        faces = parts.detector.detect(original)
        chosen = choose(faces, options)
        cast = dict(zip(chosen, assign(chosen, references), strict=True))
    result, patches = replace_faces(original, faces, cast, options, clock)
    changed = [index for index, patch in patches.items() if patch.mask.any()]
    if not changed:
        raise no_change(patches)
    if options.restore and parts.restorer:
        with clock.stage("restore"):
            swapped_faces = [faces[index] for index in changed]
            result = repaired(result, swapped_faces, options.restore, parts.restorer, clock)
    with clock.beside("check-result", partial(check, result, parts.check, "result")), clock.stage("score"):
        scores = {index: score(original, result, faces[index], cast[index], parts.embedder) for index in changed}
    with clock.stage("mark"):
        settings = options.model_dump(mode="json", exclude={"format"})
        models = (*parts.models, *parts.engine.models)
        marked = parts.marker.mark(result, target, settings, models, options.format)
    return Swapped(
        data=marked.data,
        media_type=marked.media_type,
        engine=parts.engine.name,
        size=(result.width, result.height),
        seconds=clock.elapsed,
        stages=clock.seconds,
        faces=tuple(
            report(
                index, face, scores.get(index), (*original.warnings, *weakness(scores.get(index))), patches.get(index)
            )
            for index, face in enumerate(faces)
        ),
        provenance=marked.provenance,
        models=models,
    )


def prepare(reference: bytes, parts: Parts, clock: Stopwatch) -> Reference:
    """A reference face, ready for any number of targets.

    Raises:
        NoFaceFound, SeveralFaces: with `role` "reference".
        ContentBlocked, CheckUnavailable, InvalidImage, ImageTooLarge: as the stages say.
    """
    with clock.stage("identity"):
        image = decode(reference)
        check(image, parts.check, "reference")
        face = only_face(parts.detector.detect(image))
        likeness = parts.engine.prepare(image, face)
        return Reference(likeness, parts.embedder.embed(image, face))


def only_face(faces: Sequence[Face]) -> Face:
    """The face that a reference picture is of: the largest, when nobody rivals it."""
    by_size = sorted(faces, key=area, reverse=True)
    if not by_size:
        raise NoFaceFound("the reference shows no face", role="reference")
    if len(by_size) > 1 and area(by_size[1]) > RIVAL_AREA * area(by_size[0]):
        raise SeveralFaces(f"the reference shows {len(by_size)} faces", role="reference", found=len(by_size))
    return by_size[0]


def area(face: Face) -> float:
    x1, y1, x2, y2 = face.bbox
    return float((x2 - x1) * (y2 - y1))


def choose(faces: Sequence[Face], options: SwapOptions) -> tuple[int, ...]:
    """Which faces to swap, by their place from the left."""
    if not faces:
        raise NoFaceFound("the target shows no face", role="target")
    if options.faces == "all":
        return tuple(range(len(faces)))
    if options.faces == "largest":
        return (max(range(len(faces)), key=lambda index: area(faces[index])),)
    absent = [index for index in options.faces if index >= len(faces)]
    if absent or not options.faces:
        raise InvalidOptions(f"faces count from 0, and the target shows {len(faces)}", field="faces", found=len(faces))
    return options.faces


def assign(chosen: Sequence[int], references: Sequence[Reference]) -> Sequence[Reference]:
    """A reference for every chosen face: one for all of them, or one each in the order the faces were named."""
    if len(references) == 1:
        return [references[0]] * len(chosen)
    if len(references) != len(chosen):
        raise InvalidOptions(
            f"{len(references)} references for {len(chosen)} faces: give one, or one each", field="references"
        )
    return references


def replace_faces(
    original: Image, faces: Sequence[Face], cast: Mapping[int, Reference], options: SwapOptions, clock: Stopwatch
) -> tuple[Image, Mapping[int, Patch]]:
    """The picture with one face after the other replaced, and the patch that each got."""
    result, patches = original, dict[int, Patch]()
    for turn, (index, reference) in enumerate(cast.items()):
        with clock.timed("generate"):
            step = partial(clock.step, "generate", turn, len(cast))
            patches[index] = reference.likeness.render(result, faces[index], options, step)
        with clock.timed("blend"):
            result = paste_back(result, patches[index])
    return result, patches


def no_change(patches: Mapping[int, Patch]) -> NoFaceFound:
    """A target in which no face could be swapped is refused; it is not handed back as if it had been."""
    why = sorted({warning for patch in patches.values() for warning in patch.warnings})
    return NoFaceFound("no face of the target can be swapped", role="target", warnings=why)


def repaired(image: Image, faces: Sequence[Face], amount: float, restorer: Restorer, clock: Stopwatch) -> Image:
    """The picture after every face has been through the restorer."""
    for turn, face in enumerate(faces):
        step = partial(clock.step, "restore", turn, len(faces))
        image = paste_back(image, restorer.restore(image, face, amount, step))
    return image


def weakness(identity: IdentityScores | None) -> tuple[SwapWarning, ...]:
    """`weak-identity` for a result that is nearer to the target than to the reference, or as near."""
    return ("weak-identity",) if identity and identity.to_reference <= identity.to_target else ()


def score(original: Image, result: Image, face: Face, reference: Reference, embedder: FaceEmbedder) -> IdentityScores:
    """Who the new face is, under a recogniser that no engine is conditioned on."""
    before, after = embedder.embed(original, face), embedder.embed(result, face)
    return IdentityScores(
        recogniser=embedder.recogniser,
        to_reference=embedder.similarity(after, reference.embedding),
        to_target=embedder.similarity(after, before),
        before=embedder.similarity(before, reference.embedding),
    )


def report(
    index: int,
    face: Face,
    identity: IdentityScores | None,
    warnings: Sequence[SwapWarning] = (),
    patch: Patch | None = None,
) -> FaceReport:
    """What became of one face."""
    x1, y1, x2, y2 = (float(edge) for edge in face.bbox)
    every: dict[SwapWarning, None] = dict.fromkeys([*warnings, *(patch.warnings if patch else ())])
    attempts = patch.attempts if patch else ()
    return FaceReport(index, (x1, y1, x2, y2), identity is not None, identity, tuple(every), attempts)


def describe(swapped: Swapped) -> dict[str, object]:
    """The report as it leaves the machine's own programs: JSON, without the picture and without paths."""
    return {
        "engine": swapped.engine,
        "seconds": round(swapped.seconds, 3),
        "stages": {name: round(seconds, 4) for name, seconds in swapped.stages.items()},
        "size": list(swapped.size),
        "faces": [
            {
                "index": face.index,
                "bbox": [round(edge, 1) for edge in face.bbox],
                "swapped": face.swapped,
                "identity": rounded(face.identity) if face.identity else None,
                "attempts": [rounded(scores) for scores in face.attempts],
                "warnings": list(face.warnings),
            }
            for face in swapped.faces
        ],
        "provenance": asdict(swapped.provenance),
        "models": [asdict(model) for model in swapped.models],
    }


def rounded(scores: IdentityScores) -> dict[str, object]:
    """Scores as the report prints them."""
    return {name: value if isinstance(value, str) else round(value, 3) for name, value in asdict(scores).items()}
