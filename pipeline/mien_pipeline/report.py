"""What is said of a finished swap: plain frozen values, without numpy."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Literal

from pydantic import BaseModel

from mien_pipeline.choice_report import Choice, describe_choice
from mien_pipeline.options import RestoreOptions, SwapOptions, public_settings

SwapWarning = Literal[
    "hard-angle",  # the target face is turned further than the geometry reaches
    "reference-angle",  # the reference face is turned so far that half of it is made up from the other half
    "small-face",  # the target's, or the reference's, which may also be out of focus
    "occluded",  # glasses, a hand, a cup over the target face
    "reference-covered",  # glasses, a hand, hair over the reference face, or its chin does not show
    "low-light",  # in the target, or in the reference
    "weak-identity",  # the verdict is "not", and the face became another one
    "hardly-changed",  # the verdict is "not", and the result is still very much like the target
    "processor-instead",  # ONNX Runtime's provider for the accelerator failed, and the processor ran the network
    "less-memory",  # the accelerator ran out; the engine holds its networks in less memory from now on, and is slower
    "hair-kept",  # the reference shows no hair line, so the target's hair was kept
    "beard-kept",  # the target's beard hides its skin and goes on below the face, so it was kept
    "out-of-place",  # the made head is not where the target's is, or larger or smaller, or there is no face
    "sixteen-bit",  # the picture had 16 bits a channel; the result has 8
    "grey",
]

ReferenceCaution = Literal[
    "reference-angle",
    "small-face",
    "reference-glasses",  # lenses hide the eyes: it will be refused
    "reference-covered",
    "low-light",
    "reference-mouth",  # a mouth in shade, turned, laughing, bearded or half hidden: results from it often look bad
]

Fault = Literal[
    "patchy-skin",  # structure or darkness that the target does not have, or a reference that is mottled
    "edge",  # the mask's edge shows
    "sharpness",  # softer or coarser than what was there
    "painted-over",  # much of the reference's face was hidden, and made up or copied with what hid it
    "landmarks",  # a second look finds the face elsewhere than it was meant to be
    "beard",  # below the cheeks the face became darker than it was: a beard or a shade that was not there
    "mouth",  # lips that are more ragged than either face's, or from a mouth in the dark, turned or half hidden
]

Verdict = Literal["clear", "partial", "not"]
"""Whether a result shows the reference's face: see `judge_likeness`."""

# Measured on 136 swaps with 25 people to tell apart: of results at least CLEARLY_ALIKE whose likeness to the target is
# less, all 84 were nearest to their reference; of those below HARDLY_ALIKE, and of those nearer to the target, 1 of 28.
CLEARLY_ALIKE, HARDLY_ALIKE, CLEAR_MARGIN = 0.6, 0.45, 0.05
# Of 196 graded results 51 looked like the target unchanged: 71 % of those are as like the target as this, and 19 % of
# the others, in which eyes or lips alone are new.
HARDLY_CHANGED = 0.8

PictureWarning = Literal[
    "incomplete",  # the target's file lacks its last bytes; `missing_rows` counts them
    "reference-incomplete",  # a reference's does
    "reference-glasses",  # lenses hide the eyes in one of a person's pictures; `left_out` names it
    "other-person",  # one of a person's pictures is of another person; `left_out` names it
    "not-repainted",  # skin was restored from the face's own texture alone: repainting it needs FLUX.1
    "processor-instead",  # ONNX Runtime's provider for the accelerator failed, and the processor ran the detector
    "face-not-shown",  # one of a person's pictures shows no face clearly enough; `left_out` names it
]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that a reference was not made from; places count from 0.

    Attributes:
        picture: its place among the pictures of its person.
        why: as the warning says.
        reference: the place of that person among the references.
    """

    picture: int
    why: Literal["other-person", "face-not-shown", "reference-glasses"]
    reference: int = 0


@dataclass(frozen=True, slots=True)
class IdentityScores:
    """Cosine-like similarity of the result under one recogniser, 1.0 is the same picture.

    `to_reference` and `to_target` are of the result; `before` is the target's to the reference.
    """

    recogniser: str
    to_reference: float
    to_target: float
    before: float


def judge_likeness(scores: IdentityScores) -> Verdict | None:
    """The verdict: "not" for a result that is hardly like the reference, or no nearer to it than to the target.

    None for another recogniser than dlib's: the limits were measured for that one.
    """
    if scores.recogniser.startswith("arcface"):
        return None
    if scores.to_reference <= scores.to_target or scores.to_reference < HARDLY_ALIKE:
        return "not"
    sure = scores.to_reference >= CLEARLY_ALIKE and scores.to_reference >= scores.to_target + CLEAR_MARGIN
    return "clear" if sure else "partial"


def name_verdict(verdict: Verdict | None, scores: IdentityScores) -> tuple[SwapWarning, ...]:
    """The warning that goes with the verdict "not": whether the face is the target's still, or nobody's."""
    if verdict != "not":
        return ()
    return ("hardly-changed",) if scores.to_target >= HARDLY_CHANGED else ("weak-identity",)


@dataclass(frozen=True, slots=True)
class FaceReport:
    """What became of one face of the target, numbered left to right.

    Attributes:
        identity: measured on the finished picture.
        verdict: of the likeness; None for a face that was left alone, and for a restoration.
        retried: whether the engine tried again with safer settings, since the first try had faults; the better one is
            in the picture.
        naturalness: 0..1, and `faults` what lowers it to 0.5 or less; None where the engine is not measured.
        attempts: what the engine's drift gate saw before the picture was finished.
    """

    index: int
    bbox: tuple[float, float, float, float]
    swapped: bool
    identity: IdentityScores | None = None
    warnings: tuple[SwapWarning, ...] = ()
    attempts: tuple[IdentityScores, ...] = ()
    verdict: Verdict | None = None
    naturalness: float | None = None
    faults: tuple[Fault, ...] = ()
    retried: bool = False


@dataclass(frozen=True, slots=True)
class Provenance:
    """How a result is marked."""

    c2pa: bool
    watermark: Literal["strong", "weak", "none"]


@dataclass(frozen=True, slots=True)
class Marked:
    """An encoded picture that says what it is."""

    data: bytes
    media_type: str
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class ModelUse:
    """A weight file that took part.

    Attributes:
        verified: false where neither the catalogue nor a source knows the digest.
        ran_on: the execution provider of ONNX Runtime that ran it; None where another library did.
    """

    name: str
    sha256: str
    verified: bool = True
    ran_on: str | None = None


@dataclass(frozen=True, slots=True)
class DetectorUse:
    """What found the faces.

    Attributes:
        faces: the network that found them.
        points: whose five points they have.
        models: what was used beside the weight files that every edit takes.
        failed: the provider of ONNX Runtime failed, and the processor ran the network.
    """

    faces: Literal["yunet", "scrfd"] = "yunet"
    points: Literal["mesh", "scrfd"] = "mesh"
    models: tuple[ModelUse, ...] = ()
    failed: bool = False


EditKind = Literal["swap", "restore"]


@dataclass(frozen=True, slots=True)
class Edit:
    """What was done to a picture; the result is marked with it.

    Attributes:
        engine: the name of the engine, or of the restorer.
        options: as they were checked when they were asked for; None where a picture was only arranged.
        models: the weight files that took part.
    """

    kind: EditKind
    engine: str
    options: BaseModel | None
    models: Sequence[ModelUse] = ()

    @property
    def quality(self) -> int | None:
        """What was asked for of a format that loses something."""
        return self.options.quality if isinstance(self.options, SwapOptions | RestoreOptions) else None

    @property
    def settings(self) -> dict[str, object]:
        """The options that the result shows to every reader; a person's own words are not among them."""
        return {**(public_settings(self.options) if self.options else {}), "engine": self.engine}


@dataclass(frozen=True, slots=True)
class Swapped:
    """A finished swap: the encoded picture and everything a person may want to know of it.

    `warnings` are about whole pictures, `faces` have their own; `left_out` are pictures of references that were not
    used. `missing_rows` is the target's; see `Image`. `choice` is None where the engine was named and nothing else was
    to be tried.
    """

    data: bytes
    media_type: str
    engine: str
    size: tuple[int, int]  # width, height
    seconds: float
    stages: dict[str, float]
    faces: tuple[FaceReport, ...]
    provenance: Provenance
    models: tuple[ModelUse, ...] = field(default=())
    warnings: tuple[PictureWarning, ...] = ()
    missing_rows: int | None = None
    left_out: tuple[LeftOut, ...] = ()
    detector: DetectorUse = DetectorUse()
    choice: Choice | None = None


def describe(swapped: Swapped) -> dict[str, object]:
    """The report as it leaves the machine's own programs: JSON, without the picture and without paths."""
    return {
        "engine": swapped.engine,
        "seconds": round(swapped.seconds, 3),
        "stages": {name: round(seconds, 4) for name, seconds in swapped.stages.items()},
        "size": list(swapped.size),
        "choice": swapped.choice and describe_choice(swapped.choice),
        "detector": {"faces": swapped.detector.faces, "points": swapped.detector.points},
        "warnings": list(swapped.warnings),
        "missing_rows": swapped.missing_rows,
        "left_out": [asdict(each) for each in swapped.left_out],
        "faces": [
            {
                "index": face.index,
                "bbox": [round(edge, 1) for edge in face.bbox],
                "swapped": face.swapped,
                "identity": round_scores(face.identity) if face.identity else None,
                "verdict": face.verdict,
                "naturalness": None if face.naturalness is None else round(face.naturalness, 3),
                "faults": list(face.faults),
                "retried": face.retried,
                "attempts": [round_scores(scores) for scores in face.attempts],
                "warnings": list(face.warnings),
            }
            for face in swapped.faces
        ],
        "provenance": asdict(swapped.provenance),
        "models": [asdict(model) for model in swapped.models],
    }


def round_scores(scores: IdentityScores) -> dict[str, object]:
    """Scores as the report prints them."""
    return {name: value if isinstance(value, str) else round(value, 3) for name, value in asdict(scores).items()}
