"""One swap from pixels to pixels: choose the faces, render, blend, restore, judge.

It is handed likenesses that an engine prepared, and a restorer; it imports neither.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product
from typing import Protocol

from mien_core.errors import InvalidOptions, NoFaceFound
from mien_pipeline.attempt import Attempt, FaceTask, replace_face
from mien_pipeline.doubt import weigh
from mien_pipeline.face import Embedding, Face, Patch
from mien_pipeline.groups import list_groups, render_group
from mien_pipeline.image import Image
from mien_pipeline.options import Format, Like, SwapOptions
from mien_pipeline.progress import Stopwatch
from mien_pipeline.protocols import Engine, FaceEmbedder, FaceTracker, Likeness, Restorer, UsesModels
from mien_pipeline.report import (
    Edit,
    FaceReport,
    IdentityScores,
    LeftOut,
    ModelUse,
    PictureWarning,
    SwapWarning,
    judge_likeness,
    name_verdict,
)
from mien_pipeline.skin.blend import paste_back


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """A reference face, checked and prepared: all that no target changes.

    `is_incomplete` says that a file of its pictures ends before its last rows; `left_out` are those that were not used.
    `measured` is who it is under the recogniser that measures likeness, where that is not the one of `embedding`.
    """

    likeness: Likeness
    embedding: Embedding
    is_incomplete: bool = False
    left_out: tuple[LeftOut, ...] = ()
    measured: Embedding | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ChangedImage:
    """A picture after its faces were changed.

    Attributes:
        image: at the size of the original.
        changed: the faces whose pixels are others now, by their place from the left.
        attempts: the attempt at each face that an engine was given, by the same place.
    """

    image: Image
    changed: Sequence[int]
    attempts: Mapping[int, Attempt]


class FaceEdit(Protocol):
    """What is done to the faces of one picture."""

    @property
    def format(self) -> Format | None:
        """The result's format; None is the picture's own."""
        ...

    @property
    def warnings(self) -> tuple[PictureWarning, ...]:
        """What the report says of the pictures that the edit was made from."""
        ...

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        """The pictures of references that were not used."""
        ...

    def choose(self, seen: Image, faces: Sequence[Face]) -> Sequence[int]:
        """The faces to change, by their place from the left.

        Raises:
            NoFaceFound: there is none.
            InvalidOptions: `field` names the option that does not fit this picture.
        """
        ...

    def change(self, original: Image, faces: Sequence[Face], chosen: Sequence[int], clock: Stopwatch) -> ChangedImage:
        """The picture with the chosen faces changed; raises `NoFaceFound` when none can be."""
        ...

    def judge(
        self, original: Image, made: ChangedImage, faces: Sequence[Face], chosen: Sequence[int]
    ) -> list[FaceReport]:
        """A report of every face of the picture, left to right."""
        ...

    def record(self, models: Sequence[ModelUse]) -> Edit:
        """What the result says was done; `models` are those that every edit takes."""
        ...


@dataclass(frozen=True, slots=True)
class FaceSwap:
    """Reference faces in place of chosen faces of the target.

    Attributes:
        engine: the one that prepared the references.
        references: one for every chosen face in the order of `options.faces`, or one for all of them.
        options: that engine's own.
        embedder: measures likeness; no engine is conditioned on it.
        restorer: works after the engine when `options.restore` is above 0.
        likes: who is in each of the pictures that `options.likes` names.
        tracker: looks again at every finished face; without it no naturalness is measured.
        judge_by: measures likeness in the place of `embedder`; every reference has a `measured` of it.
    """

    engine: Engine
    references: Sequence[Reference]
    options: SwapOptions
    embedder: FaceEmbedder
    restorer: Restorer | None = None
    likes: Sequence[Embedding] = ()
    tracker: FaceTracker | None = None
    judge_by: FaceEmbedder | None = None

    @property
    def format(self) -> Format | None:
        return self.options.format

    @property
    def warnings(self) -> tuple[PictureWarning, ...]:
        incomplete = any(each.is_incomplete for each in self.references)
        left_out: dict[PictureWarning, None] = dict.fromkeys(each.why for each in self.left_out)
        return ("reference-incomplete", *left_out) if incomplete else tuple(left_out)

    @property
    def left_out(self) -> tuple[LeftOut, ...]:
        return tuple(
            replace(each, reference=place)
            for place, reference in enumerate(self.references)
            for each in reference.left_out
        )

    def choose(self, seen: Image, faces: Sequence[Face]) -> Sequence[int]:
        """See `FaceEdit.choose`; the number of references has to fit as well."""
        chosen = choose_faces(faces, self.options) or find_alike(seen, faces, self.likes, self.embedder)
        assign_references(chosen, self.references)
        return chosen

    def change(self, original: Image, faces: Sequence[Face], chosen: Sequence[int], clock: Stopwatch) -> ChangedImage:
        """See `FaceEdit.change`. A face that the engine left alone is not restored either."""
        assignments = assign_references(chosen, self.references)
        image, attempts = replace_faces(original, faces, assignments, self.options, clock, self.tracker)
        changed = [index for index, attempt in attempts.items() if attempt.patch.mask.any()]
        if not changed:
            raise refuse_unchanged([attempt.patch for attempt in attempts.values()])
        if self.options.restore and self.restorer:
            with clock.stage("restore"):
                swapped = [attempts[index].patch.face or faces[index] for index in changed]
                image = restore_faces(image, swapped, self.options.restore, self.restorer, clock)
        return ChangedImage(image, changed, attempts)

    def judge(
        self, original: Image, made: ChangedImage, faces: Sequence[Face], chosen: Sequence[int]
    ) -> list[FaceReport]:
        """See `FaceEdit.judge`. Only a face that was changed is compared with its reference."""
        assignments = assign_references(chosen, self.references)
        scores = {
            index: score(
                original,
                made.image,
                faces[index],
                assignments[index],
                self.judge_by or self.embedder,
                _new_face(made.attempts.get(index)),
            )
            for index in made.changed
        }
        return [
            report_face(
                index,
                face,
                scores.get(index),
                original.warnings,
                made.attempts.get(index),
            )
            for index, face in enumerate(faces)
        ]

    def record(self, models: Sequence[ModelUse]) -> Edit:
        likeness = self.references[0].likeness  # every one is held to the same masks
        masking = likeness.models if isinstance(likeness, UsesModels) else ()
        repairing = self.restorer.models if isinstance(self.restorer, UsesModels) else ()
        return Edit("swap", self.engine.name, self.options, (*models, *self.engine.models, *masking, *repairing))


def choose_faces(faces: Sequence[Face], options: SwapOptions) -> tuple[int, ...]:
    """Which faces to swap, by their place from the left; none where `options` names people: see `find_alike`.

    Raises:
        NoFaceFound: with `role` "target".
        InvalidOptions: `field` "faces" when one that is named is not there; `found` is how many are.
    """
    if not faces:
        raise NoFaceFound("the target shows no face", role="target")
    if options.faces == "all":
        return tuple(range(len(faces)))
    if options.faces == "largest":
        return (max(range(len(faces)), key=lambda index: faces[index].area),)
    if isinstance(options.faces, Like):
        return ()
    if not options.faces or max(options.faces) >= len(faces):
        raise InvalidOptions(f"faces count from 0, and the target shows {len(faces)}", field="faces", found=len(faces))
    return options.faces


def find_alike(
    seen: Image, faces: Sequence[Face], likes: Sequence[Embedding], embedder: FaceEmbedder
) -> tuple[int, ...]:
    """For each of `likes` the face most like it, by its place from the left; no two get the same face.

    Raises:
        InvalidOptions: `field` "faces" when there are fewer faces than people; `found` is how many are.
    """
    if len(likes) > len(faces):
        raise InvalidOptions(f"the target shows {len(faces)} faces", field="faces", found=len(faces))
    shown = [embedder.embed(seen, face) for face in faces]
    pairs = product(range(len(likes)), range(len(faces)))
    best_first = sorted(pairs, key=lambda pair: embedder.similarity(likes[pair[0]], shown[pair[1]]), reverse=True)
    places: dict[int, int] = {}
    for person, place in best_first:
        if person not in places and place not in places.values():
            places[person] = place
    return tuple(places[person] for person in range(len(likes)))


def assign_references(chosen: Sequence[int], references: Sequence[Reference]) -> Mapping[int, Reference]:
    """A reference for every chosen face: one for all of them, or one each in the order the faces were named.

    Raises:
        InvalidOptions: `field` "references" when there are fewer or more than faces.
    """
    if len(references) == 1:
        return dict.fromkeys(chosen, references[0])
    if len(references) != len(chosen):
        raise InvalidOptions(
            f"{len(references)} references for {len(chosen)} faces: give one, or one each", field="references"
        )
    return dict(zip(chosen, references, strict=True))


def replace_faces(
    original: Image,
    faces: Sequence[Face],
    assignments: Mapping[int, Reference],
    options: SwapOptions,
    clock: Stopwatch,
    tracker: FaceTracker | None = None,
) -> tuple[Image, Mapping[int, Attempt]]:
    """The picture with one face after the other replaced, and the attempt at each that is in it.

    Where the engine can, faces that are apart are rendered together.
    """
    result, attempts = original, dict[int, Attempt]()
    likenesses = {index: reference.likeness for index, reference in assignments.items()}
    groups = list_groups(faces, likenesses, options)
    for turn, group in enumerate(groups):
        step = partial(clock.step, "generate", turn, len(groups))
        with clock.time("generate"):
            ready = render_group(result, faces, {index: likenesses[index] for index in group}, options, step)
        for index, likeness in ready.items():
            attempts[index] = replace_face(FaceTask(result, faces[index], likeness, options, clock, tracker, step))
            result = attempts[index].image
    return result, attempts


def refuse_unchanged(patches: Sequence[Patch]) -> NoFaceFound:
    """The error for a target in which no face could be swapped: it is not handed back as if it had been."""
    why = sorted({warning for patch in patches for warning in patch.warnings})
    return NoFaceFound("no face of the target can be swapped", role="target", warnings=why)


def restore_faces(image: Image, faces: Sequence[Face], amount: float, restorer: Restorer, clock: Stopwatch) -> Image:
    """The picture after every face has been through the restorer."""
    for turn, face in enumerate(faces):
        step = partial(clock.step, "restore", turn, len(faces))
        image = paste_back(image, restorer.restore(image, face, amount, step))
    return image


def score(
    original: Image,
    result: Image,
    face: Face,
    reference: Reference,
    embedder: FaceEmbedder,
    new_face: Face | None = None,
) -> IdentityScores:
    """Who the new face is, under the recogniser that measures likeness.

    Args:
        face: in the original.
        new_face: in the result, where it is not just in the same place.
    """
    before, after = embedder.embed(original, face), embedder.embed(result, new_face or face)
    known = reference.embedding if reference.measured is None else reference.measured
    return IdentityScores(
        recogniser=embedder.recogniser,
        to_reference=embedder.similarity(after, known),
        to_target=embedder.similarity(after, before),
        before=embedder.similarity(before, known),
    )


def _new_face(attempt: Attempt | None) -> Face | None:
    return attempt.patch.face if attempt else None


def report_face(
    index: int,
    face: Face,
    identity: IdentityScores | None,
    warnings: Sequence[SwapWarning] = (),
    attempt: Attempt | None = None,
) -> FaceReport:
    """What became of one face; each warning is said once. Only a face with an attempt gets a verdict."""
    patch, naturalness = (attempt.patch, attempt.naturalness) if attempt else (None, None)
    shown = patch.face if patch and patch.face else face
    x1, y1, x2, y2 = (float(edge) for edge in shown.bbox)
    verdict = judge_likeness(identity) if identity and patch else None
    weak = name_verdict(verdict, identity) if identity else ()
    every: dict[SwapWarning, None] = dict.fromkeys([*warnings, *weak, *(patch.warnings if patch else ())])
    if naturalness and identity:
        naturalness = weigh(naturalness, identity, beard_kept="beard-kept" in every)
    return FaceReport(
        index,
        (x1, y1, x2, y2),
        identity is not None,
        identity,
        tuple(every),
        patch.attempts if patch else (),
        verdict,
        naturalness.score if naturalness else None,
        naturalness.faults if naturalness else (),
        attempt.retried if attempt else False,
    )
