"""Where eyes look and how open they are, from the iris network; and how the reference's eyes look there too."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces import topology as face
from mien_pipeline.faces.align import invert, resample, transform, warp
from mien_pipeline.faces.tflite import load_tflite
from mien_pipeline.image import Affine, Floats, Pixels
from mien_pipeline.report import ModelUse
from mien_pipeline.skin.light import blur

CLOSED_OPENNESS = 0.085  # height by width below which lids are shut (closed measured ≤ .07, laughing ≥ .10)
OPENNESS_SCALE = 0.2  # lids that differ by this much are no longer worth exchanging
MISFIT_LIMIT = 0.7  # see `_measure_misfit`
TURN_LIMIT = 0.25  # of the eye's width: beyond it there is no white to show
TURN_DOWN_LIMIT = 0.12  # the same up and down, where the lids follow the gaze
IRIS_RADIUS = 0.2  # of the eye's width: 11.7 mm of about 30
REACH = 0.5 - 1.5 * IRIS_RADIUS  # of the eye's width, sideways: beyond it an iris would pass the corner of the lids
SQUINT = 0.06  # of the eye's width, by which eyes may be turned towards each other other than the reference's

_SIDE_PX = 64  # the network's input
_REACH = 2.3  # its crop is this many times the eye's width
_CONTOUR, _IRIS = "output_eyes_contours_and_brows", "output_iris"
# Of that crop, what shows the lids; and by how much of its mean lightness that may differ on average from another
# picture's for an eye to be as open there. Open eyes of portraits that moved before a camera differed by .024 at most
# over 12 pictures and .043 over 36, lids that were half shut by .044 and more.
_LIDS_PART, _LIDS_SIZE, _ALIKE = (slice(18, 46), slice(10, 54)), (22, 14), 0.03
_CORNERS = ((33, 133), (263, 362))  # outer, inner; the network knows eyes whose outer corner is on the left
_UPPER_LID, _LOWER_LID = slice(9, 16), slice(1, 8)


@dataclass(frozen=True, slots=True)
class Eye:
    """One eye of a face.

    Attributes:
        along, down: the iris's centre from the middle between the corners, in eye widths, to the viewer's right and
            down along the eye's own axes.
        openness: the opening's height by its width.
    """

    along: float
    down: float
    openness: float

    @property
    def closed(self) -> bool:
        """Whether the lids are shut."""
        return self.openness < CLOSED_OPENNESS


@dataclass(frozen=True, slots=True, eq=False)
class SeenEye:
    """An eye in one picture of a clip.

    Attributes:
        eye: what the network said of it.
        lids: (14, 22) float32, its lightness by the mean.
    """

    eye: Eye
    lids: Floats


@dataclass(frozen=True, slots=True)
class EyeSwap:
    """How one eye is rendered.

    Attributes:
        share: 1 for the reference's own eye, 0 for the target's; a mixture would show both.
        reference_along: where the reference's iris is, in eye widths as `Eye.along`.
        target_along: where it is moved to.
        shut: whether lids are, of either: then what surrounds the eye is the target's as well.
    """

    share: float
    reference_along: float
    target_along: float
    shut: bool = False


class EyeReader:
    """The iris network."""

    def __init__(self, weights: bytes) -> None:
        """Load it from the bytes of its file.

        Raises:
            cv2.error: they are damaged.
        """
        self._network = load_tflite(weights)
        self.model = ModelUse("iris", hashlib.sha256(weights).hexdigest())

    def read(self, pixels: Pixels, mesh: Mesh) -> tuple[Eye, Eye]:
        """Both eyes of a face, the viewer's left one first.

        `pixels` is (H, W, 3) uint8 RGB, `mesh` (468, 3) in its pixels.
        """
        left, right = (seen.eye for seen in self.look(pixels, mesh, ()))
        return left, right

    def look(self, pixels: Pixels, mesh: Mesh, known: Sequence[tuple[SeenEye, SeenEye]]) -> tuple[SeenEye, SeenEye]:
        """As `read`, but an eye that looks as it did in another picture, one of `known`, is what it was there."""
        left, right = (
            self._look_at(pixels, mesh[outer, :2], mesh[inner, :2], [each[side] for each in known])
            for side, (outer, inner) in enumerate(_CORNERS)
        )
        return left, right

    def _look_at(self, pixels: Pixels, outer: Floats, inner: Floats, known: Sequence[SeenEye]) -> SeenEye:
        """The eye between two corners, (2,) each."""
        affine = _eye_crop(outer, inner)
        crop = warp(pixels, affine, (_SIDE_PX, _SIDE_PX))
        lids = _read_lids(crop)
        apart = [float(np.abs(lids - seen.lids).mean()) for seen in known]
        if apart and min(apart) < _ALIKE:
            return known[int(np.argmin(apart))]
        return SeenEye(self._read_eye(crop, affine, outer, inner), lids)

    def _read_eye(self, crop: Pixels, affine: Affine, outer: Floats, inner: Floats) -> Eye:
        self._network.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        contour, iris = self._network.forward([_CONTOUR, _IRIS])
        back = invert(affine)
        lids = transform(np.asarray(contour, np.float32).reshape(71, 3)[:16, :2], back)
        centre = transform(np.asarray(iris, np.float32).reshape(5, 3)[:1, :2], back)[0]
        along, down, width = _eye_frame(outer, inner)
        offset = centre - (outer + inner) / 2
        height = float(((lids[_LOWER_LID] - lids[_UPPER_LID]) @ down).mean())
        return Eye(float(offset @ along) / width, float(offset @ down) / width, height / width)


def _read_lids(crop: Pixels) -> Floats:
    """(14, 22) float32, the lightness of the lids and what they show, by its mean; `crop` is the network's."""
    grey = cv2.cvtColor(crop[_LIDS_PART], cv2.COLOR_RGB2GRAY)
    small = np.asarray(cv2.resize(grey, _LIDS_SIZE, interpolation=cv2.INTER_AREA), np.float32)
    return np.asarray(small / max(float(small.mean()), 1.0), np.float32)


def plan_eye_swap(reference: tuple[Eye, Eye], target: tuple[Eye, Eye], own_gaze: bool) -> tuple[EyeSwap, EyeSwap]:
    """Whose eyes the result shows: the reference's where both are about as open and look alike, else the target's.

    Both are treated alike, or one would be another face's: if any is shut, both stay the target's. With `own_gaze` the
    reference keeps its gaze.
    """
    pairs = list(zip(reference, target, strict=True))
    shut = [mine.closed or theirs.closed for mine, theirs in pairs]
    if any(shut):
        left, right = (EyeSwap(0.0, 0.0, 0.0, shut=each) for each in shut)
        return left, right
    misfit = [_measure_misfit(mine, theirs) for mine, theirs in pairs]
    share = 1.0 if own_gaze or float(np.mean(misfit)) < MISFIT_LIMIT else 0.0
    along = reference[0].along, reference[1].along
    aim = along if own_gaze else _align_gaze(along, (target[0].along, target[1].along))
    left, right = (EyeSwap(share, mine, theirs) for mine, theirs in zip(along, aim, strict=True))
    return left, right


def keep_eyes(eyes: tuple[EyeSwap, EyeSwap]) -> tuple[EyeSwap, EyeSwap]:
    """The target's own eyes, as they are."""
    left, right = (replace(eye, share=0.0) for eye in eyes)
    return left, right


def _align_gaze(reference: tuple[float, float], target: tuple[float, float]) -> list[float]:
    """Where both irises go, as `Eye.along`: as far to the side as the target's, together, and not past the lids.

    How far they are turned towards each other is nearly the reference's: the network errs by more than faces differ.
    """
    own, theirs = reference[0] - reference[1], target[0] - target[1]
    inwards = float(np.clip(theirs, own - SQUINT, own + SQUINT)) / 2
    middle, widest = (target[0] + target[1]) / 2, max(0.0, REACH - abs(inwards))
    middle = float(np.clip(middle, -widest, widest))
    return [middle + inwards, middle - inwards]


def _measure_misfit(reference: Eye, target: Eye) -> float:
    """0 for eyes that fit each other's place, well above 1 for those that do not."""
    lids = ((reference.openness - target.openness) / OPENNESS_SCALE) ** 2
    sideways = ((reference.along - target.along) / TURN_LIMIT) ** 4
    up_and_down = ((reference.down - target.down) / TURN_DOWN_LIMIT) ** 4
    return lids + sideways + up_and_down


def turn_irises(places: Floats, points: Floats, eyes: tuple[EyeSwap, EyeSwap]) -> Floats:
    """`places` (h, w, 2) float32, a map into the texture, with the irises moved sideways to where the target looks.

    `points` (468, 2) float32 are the vertices in the map's own pixels. The corners stay; between them the white
    stretches on one side of the iris and shrinks on the other.
    """
    height, width = places.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    for (outer, inner), ring, eye in zip(_CORNERS, (face.LEFT_EYE, face.RIGHT_EYE), eyes, strict=True):
        along, _, span = _eye_frame(points[outer], points[inner])
        middle = (points[outer] + points[inner]) / 2
        place = ((x - middle[0]) * along[0] + (y - middle[1]) * along[1]) / span
        source = np.interp(place, *_plan_stretch(eye)).astype(np.float32)
        inside = np.zeros((height, width), np.uint8)
        cv2.fillPoly(inside, [np.round(points[list(ring)] * 16).astype(np.int32)], (1,), cv2.LINE_8, 4)
        move = (source - place) * span * blur(inside.astype(np.float32), 0.04 * span)
        there = np.stack([x + move * along[0], y + move * along[1]], 2)
        places = np.asarray(resample(places, there), np.float32)
    return places


def _plan_stretch(eye: EyeSwap) -> tuple[list[float], list[float]]:
    """Places along the target's eye and the reference's places shown there, both in eye widths."""
    target, source = (float(np.clip(value, -REACH, REACH)) for value in (eye.target_along, eye.reference_along))
    return (
        [-1.0, -0.5, target - IRIS_RADIUS, target + IRIS_RADIUS, 0.5, 1.0],
        [-1.0, -0.5, source - IRIS_RADIUS, source + IRIS_RADIUS, 0.5, 1.0],
    )


def _eye_frame(outer: Floats, inner: Floats) -> tuple[Floats, Floats, float]:
    """Unit vectors along the eye, to the viewer's right, and down, and the eye's width."""
    across = inner - outer if inner[0] >= outer[0] else outer - inner
    width = max(float(np.linalg.norm(across)), 1e-3)
    along = (across / width).astype(np.float32)
    return along, np.array([-along[1], along[0]], np.float32), width


def _eye_crop(outer: Floats, inner: Floats) -> Affine:
    """(2, 3) picture → network input; an eye whose outer corner is on the right is mirrored."""
    along, down, width = _eye_frame(outer, inner)
    scale = _SIDE_PX / (_REACH * width)
    flip = 1 if inner[0] >= outer[0] else -1
    turn = np.stack([along * flip, down]) * scale
    shift = _SIDE_PX / 2 - turn @ ((outer + inner) / 2)
    return np.hstack([turn, shift[:, None]]).astype(np.float32)
