"""Image → Faces: YuNet finds boxes; the 468-point mesh network fits a mesh and says whether it is a face."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product
from typing import cast

import cv2
import numpy as np

from mien_pipeline.face import Face, Kps, Mesh
from mien_pipeline.faces.align import five_points, invert, transform, warp
from mien_pipeline.faces.search import (
    OVERLAP,
    TILE_PX,
    drop_duplicates,
    scale_by,
    shift_by,
    shrink_to,
    tile_starts,
    undo_quarter_turns,
)
from mien_pipeline.faces.tflite import load_tflite
from mien_pipeline.faces.topology import head_pose
from mien_pipeline.image import Affine, Floats, Image, Pixels

# YuNet's finds count from this score (53 of 54 portraits found, and nothing in the pictures without a face).
DETECTION_SCORE = 0.7
# YuNet finds faces from about 12 px up. At this side an 80-px face of a 12-MP picture is 25 px wide.
COARSE_SIDE_PX = 1280
# A face that fills a picture is found with a score of .69 at 1280 px, and of .94 at this side.
CLOSE_SIDE_PX = 320
# A find on the side or upside down counts beside upright ones only when YuNet is as sure as this.
TURNED_SCORE = 0.8
# The finer pass, when the first finds nothing: a 40-px face of a 12-MP picture is 25 px wide again.
FINE_SIDE_PX = 2560
# Below this the mesh network says the crop shows no face (measured: .002–.014 off faces, above .9 on them).
MESH_SCORE = 0.5

_MESH_SIDE_PX = 192  # the network's input
_MESH_MARGIN = 1.5  # its crop is this many times the face's extent, as it was trained
_MESH_POINTS = "conv2d_20"
_MESH_FLAG = "conv2d_30"
_EYE_CORNERS = (33, 263)
_NO_CONFIG = np.empty(0, np.uint8)  # an ONNX file is complete


@dataclass(frozen=True, slots=True, eq=False)
class _Detection:
    """What YuNet found, in the pixels of the picture it saw.

    Attributes:
        centre, side: of a square around the face; `centre` is (2,) float32.
        kps: (5, 2) float32, good enough to know the roll.
        det_score: 0..1.
    """

    centre: Floats
    side: float
    kps: Kps
    det_score: float

    @property
    def bbox(self) -> Floats:
        """(4,) float32: left, top, right, bottom of the square."""
        return np.concatenate([self.centre - self.side / 2, self.centre + self.side / 2]).astype(np.float32)

    def move(self, affine: Affine) -> "_Detection":
        """The same find through a (2, 3) similarity."""
        scale = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
        return _Detection(
            transform(self.centre[None], affine)[0], self.side * scale, transform(self.kps, affine), self.det_score
        )


class MeshDetector:
    """Finds faces with YuNet and fits the mesh in two passes. One thread at a time."""

    def __init__(self, face_detection: bytes, face_mesh: bytes) -> None:
        """Load both networks from the bytes of their files.

        Raises:
            cv2.error: a file is damaged.
        """
        # OpenCV would log that its new engine has no choice of device; we asked for none.
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        self._yunet = cv2.FaceDetectorYN.create(
            "onnx", np.frombuffer(face_detection, np.uint8), _NO_CONFIG, (320, 320), DETECTION_SCORE, OVERLAP, 500
        )
        cv2.utils.logging.setLogLevel(level)
        self._mesh = load_tflite(face_mesh)  # its second output is the face flag

    def detect(self, image: Image) -> Sequence[Face]:
        """Every face, left to right, each with its mesh; an empty list where there is none.

        Small faces, faces that fill the picture and heads that are held sideways or upside down are searched for
        together, and the best find of each place counts. YuNet also accepts an upside-down face, whose mouth it takes
        for eyes, but scores it higher in the right orientation. Where nothing is found, finer and turned searches
        follow.
        """
        for boxes in self._search(image.pixels):
            found = [self._fit_face(image.pixels, box) for box in drop_duplicates(boxes)]
            faces = drop_duplicates([face for face in found if face.mesh_score >= MESH_SCORE])
            if faces:
                return sorted(faces, key=lambda face: float(face.bbox[0] + face.bbox[2]))
        return []

    def refit(self, image: Image, face: Face) -> Face:
        """`face` with its mesh fitted again to `image`, which shows it in the same place."""
        centre = ((face.bbox[:2] + face.bbox[2:]) / 2).astype(np.float32)
        side = float((face.bbox[2:] - face.bbox[:2]).max())
        return self._fit_face(image.pixels, _Detection(centre, side, face.kps, face.det_score))

    def look_again(self, image: Image, mesh: Mesh) -> Mesh:
        """The (468, 3) mesh that one pass finds where `mesh` (468, 3) is expected, both in the picture's pixels."""
        angle = _measure_roll(mesh[_EYE_CORNERS[0], :2], mesh[_EYE_CORNERS[1], :2])
        centre, side = _bound_level(mesh[:, :2], angle)
        return self._run_mesh_network(image.pixels, centre, side * _MESH_MARGIN, angle)[0]

    def _search(self, pixels: Pixels) -> Iterator[list[_Detection]]:
        """What each search finds, in picture coordinates; each search is dearer than the one before."""
        coarse = shrink_to(pixels, COARSE_SIDE_PX)
        close = shrink_to(coarse, CLOSE_SIDE_PX)
        found = self._run_turned(coarse, pixels, (0,))
        if close is not coarse:
            found += self._run_turned(close, pixels, (0,))
        yield found + [box for box in self._run_turned(close, pixels, (1, 3, 2)) if box.det_score >= TURNED_SCORE]
        if max(pixels.shape[:2]) > COARSE_SIDE_PX:
            yield self._detect_in_tiles(pixels)
        yield self._run_turned(coarse, pixels, (1, 3, 2))

    def _run_turned(self, smaller: Pixels, pixels: Pixels, turns: Sequence[int]) -> list[_Detection]:
        """The finds in `smaller` after each number of quarter turns, in the pixels of the picture that it is of."""
        grow, found = scale_by(pixels.shape[1] / smaller.shape[1]), list[_Detection]()
        for quarters in turns:
            turned = np.ascontiguousarray(np.rot90(smaller, quarters)) if quarters else smaller
            back = undo_quarter_turns(quarters, smaller.shape[1], smaller.shape[0])
            found += [box.move(back).move(grow) for box in self._run_yunet(turned)]
        return found

    def _run_yunet(self, pixels: Pixels) -> list[_Detection]:
        """YuNet's finds, in the pixels of `pixels`."""
        self._yunet.setInputSize((pixels.shape[1], pixels.shape[0]))
        rows = cast("Floats | None", self._yunet.detect(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR))[1])
        # YuNet's rows: x, y, width, height, five points, score; None instead of no rows.
        return [
            _Detection(row[:2] + row[2:4] / 2, float(row[2:4].max()), row[4:14].reshape(5, 2), float(row[14]))
            for row in ([] if rows is None else rows)
        ]

    def _detect_in_tiles(self, pixels: Pixels) -> list[_Detection]:
        """The finds of the finer pass, in the pixels of `pixels`; one face may come from several tiles."""
        fine = shrink_to(pixels, FINE_SIDE_PX)
        grow = scale_by(pixels.shape[1] / fine.shape[1])
        found: list[_Detection] = []
        for top, left in product(tile_starts(fine.shape[0]), tile_starts(fine.shape[1])):
            tile = np.ascontiguousarray(fine[top : top + TILE_PX, left : left + TILE_PX])
            found += [box.move(shift_by(left, top)).move(grow) for box in self._run_yunet(tile)]
        return found

    def _fit_face(self, pixels: Pixels, box: _Detection) -> Face:
        """Two passes of the mesh network: on the box, then on the extent of what the first pass found."""
        angle = _measure_roll(box.kps[0], box.kps[1])
        mesh, _ = self._run_mesh_network(pixels, box.centre, box.side * _MESH_MARGIN, angle)
        angle = _measure_roll(mesh[_EYE_CORNERS[0], :2], mesh[_EYE_CORNERS[1], :2])
        centre, side = _bound_level(mesh[:, :2], angle)
        mesh, score = self._run_mesh_network(pixels, centre, side * _MESH_MARGIN, angle)
        yaw, pitch, roll = head_pose(mesh)
        bbox = np.concatenate([mesh[:, :2].min(0), mesh[:, :2].max(0)]).astype(np.float32)
        return Face(bbox, box.det_score, five_points(mesh), mesh, score, yaw, pitch, roll)

    def _run_mesh_network(self, pixels: Pixels, centre: Floats, side: float, angle: float) -> tuple[Mesh, float]:
        """(468, 3) mesh in picture pixels and the network's confidence, from a square crop turned by `angle`."""
        scale = _MESH_SIDE_PX / max(side, 1.0)
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        turn = np.array([[cos, sin], [-sin, cos]])
        shift = _MESH_SIDE_PX / 2 - turn @ centre
        affine = np.hstack([turn, shift[:, None]]).astype(np.float32)
        crop = warp(pixels, affine, (_MESH_SIDE_PX, _MESH_SIDE_PX))
        self._mesh.setInput(cv2.dnn.blobFromImage(crop, 1 / 255))
        points, flag = self._mesh.forward([_MESH_POINTS, _MESH_FLAG])
        mesh = np.asarray(points, np.float32).reshape(468, 3)
        xy = transform(mesh[:, :2], invert(affine))
        logit = float(np.asarray(flag).ravel()[0])
        return np.hstack([xy, mesh[:, 2:] / np.float32(scale)]), 1 / (1 + math.exp(-logit))


def _measure_roll(left: Floats, right: Floats) -> float:
    """Roll of the line between the eyes, radians, positive clockwise on the screen."""
    return math.atan2(float(right[1] - left[1]), float(right[0] - left[0]))


def _bound_level(points: Floats, angle: float) -> tuple[Floats, float]:
    """Centre (2,) and longer side of the box around `points` (N, 2) in a frame turned by `angle`."""
    cos, sin = math.cos(angle), math.sin(angle)
    turn = np.array([[cos, sin], [-sin, cos]], np.float32)
    level = points @ turn.T
    low, high = level.min(0), level.max(0)
    return ((low + high) / 2) @ turn, float((high - low).max())
