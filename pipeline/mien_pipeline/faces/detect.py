"""Image → Faces: a finder finds boxes; the 468-point mesh network fits a mesh and says whether it is a face."""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product

import cv2
import numpy as np

from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.align import five_points, invert, transform, warp
from mien_pipeline.faces.detection import Detection, FaceFinder
from mien_pipeline.faces.search import (
    TILE_PX,
    drop_duplicates,
    intersection_over_union,
    scale_by,
    shift_by,
    shrink_to,
    tile_starts,
    undo_quarter_turns,
)
from mien_pipeline.faces.tflite import load_tflite
from mien_pipeline.faces.topology import head_pose
from mien_pipeline.image import Floats, Image, Pixels

# YuNet finds a face that fills a picture with a score of .69 at 1280 px, and of .94 at this side.
CLOSE_SIDE_PX = 320
# The finer pass, when the first finds nothing: a 40-px face of a 12-MP picture is 25 px wide again.
FINE_SIDE_PX = 2560
# Below this the mesh network says the crop shows no face (measured: .002–.014 off faces, above .9 on them).
MESH_SCORE = 0.5

_SAME_PLACE = 0.4  # intersection over union from which a find is a face that is known
_MESH_SIDE_PX = 192  # the network's input
_MESH_MARGIN = 1.5  # its crop is this many times the face's extent, as it was trained
_MESH_POINTS = "conv2d_20"
_MESH_FLAG = "conv2d_30"
_EYE_CORNERS = (33, 263)


class MeshDetector:
    """Finds faces and fits the mesh in two passes. One thread at a time."""

    def __init__(self, finder: FaceFinder, face_mesh: bytes) -> None:
        """
        Args:
            finder: what finds boxes and five points.
            face_mesh: the bytes of the mesh network's file.

        Raises:
            cv2.error: the file is damaged.
        """
        self._finder = finder
        self._mesh = load_tflite(face_mesh)  # its second output is the face flag

    def detect(self, image: Image) -> Sequence[Face]:
        """Every face, left to right, each with its mesh; an empty list where there is none.

        Small faces, faces that fill the picture and heads that are held sideways or upside down are searched for
        together, and the best find of each place counts. A finder also accepts an upside-down face, whose mouth it
        takes for eyes, but scores it higher in the right orientation. Where nothing is found, finer and turned searches
        follow.
        """
        return self.search(image, _go_on)

    def search(self, image: Image, on_pass: Callable[[], None]) -> Sequence[Face]:
        """See `SearchesInPasses`."""
        for boxes in self._search(image.pixels, on_pass):
            on_pass()
            found = [self._fit_face(image.pixels, box) for box in drop_duplicates(boxes)]
            faces = drop_duplicates([face for face in found if face.mesh_score >= MESH_SCORE])
            if faces:
                return sorted(faces, key=lambda face: float(face.bbox[0] + face.bbox[2]))
        return []

    def detect_others(self, image: Image, faces: Sequence[Face]) -> Sequence[Face]:
        """As `detect`, without those that lie where `faces` are, to which no mesh is fitted.

        Beside faces that are known no finer search follows; with none it is `detect`.
        """
        if not faces:
            return self.detect(image)
        boxes = drop_duplicates(next(self._search(image.pixels, _go_on)))
        new = [
            box for box in boxes if all(intersection_over_union(box.bbox, face.bbox) < _SAME_PLACE for face in faces)
        ]
        found = (self._fit_face(image.pixels, box) for box in new)
        return drop_duplicates([face for face in found if face.mesh_score >= MESH_SCORE])

    def refit(self, image: Image, face: Face) -> Face:
        """`face` with its mesh fitted again to `image`, which shows it in the same place."""
        centre = ((face.bbox[:2] + face.bbox[2:]) / 2).astype(np.float32)
        side = float((face.bbox[2:] - face.bbox[:2]).max())
        return self._fit_face(image.pixels, Detection(centre, side, face.kps, face.det_score))

    def look_again(self, image: Image, mesh: Mesh) -> Mesh:
        """The (468, 3) mesh that one pass finds where `mesh` (468, 3) is expected, both in the picture's pixels."""
        angle = _measure_roll(mesh[_EYE_CORNERS[0], :2], mesh[_EYE_CORNERS[1], :2])
        centre, side = _bound_level(mesh[:, :2], angle)
        return self._run_mesh_network(image.pixels, centre, side * _MESH_MARGIN, angle)[0]

    def follow(self, image: Image, mesh: Mesh) -> Face:
        """The face that one pass finds where `mesh` (468, 3) was a picture ago; `mesh_score` says if it is one."""
        angle = _measure_roll(mesh[_EYE_CORNERS[0], :2], mesh[_EYE_CORNERS[1], :2])
        centre, side = _bound_level(mesh[:, :2], angle)
        return describe_face(*self._run_mesh_network(image.pixels, centre, side * _MESH_MARGIN, angle))

    def _search(self, pixels: Pixels, on_pass: Callable[[], None]) -> Iterator[list[Detection]]:
        """What each search finds, in picture coordinates; each search is dearer than the one before."""
        side, sure = self._finder.coarse_px, self._finder.turned_score
        coarse = shrink_to(pixels, side)
        close = shrink_to(coarse, CLOSE_SIDE_PX)
        on_pass()
        with ThreadPoolExecutor(1) as beside:  # the dearest search, of which OpenCV runs most on one processor
            large = beside.submit(self._find_turned, coarse, pixels, (0,), side, _go_on)
            found = [] if close is coarse else self._find_turned(close, pixels, (0,), CLOSE_SIDE_PX, on_pass)
            turned = self._find_turned(close, pixels, (1, 3, 2), CLOSE_SIDE_PX, on_pass)
            found = [*large.result(), *found]
        yield found + [box for box in turned if box.det_score >= sure]
        if max(pixels.shape[:2]) > side:
            yield self._detect_in_tiles(pixels, on_pass)
        yield self._find_turned(coarse, pixels, (1, 3, 2), side, on_pass)

    def _find_turned(
        self, smaller: Pixels, pixels: Pixels, turns: Sequence[int], side_px: int, on_pass: Callable[[], None]
    ) -> list[Detection]:
        """The finds in `smaller` after each number of quarter turns, in the pixels of the picture that it is of."""
        grow, found = scale_by(pixels.shape[1] / smaller.shape[1]), list[Detection]()
        for quarters in turns:
            on_pass()
            turned = np.ascontiguousarray(np.rot90(smaller, quarters)) if quarters else smaller
            back = undo_quarter_turns(quarters, smaller.shape[1], smaller.shape[0])
            found += [box.move(back).move(grow) for box in self._finder.find(turned, side_px)]
        return found

    def _detect_in_tiles(self, pixels: Pixels, on_pass: Callable[[], None]) -> list[Detection]:
        """The finds of the finer pass, in the pixels of `pixels`; one face may come from several tiles."""
        fine = shrink_to(pixels, FINE_SIDE_PX)
        grow = scale_by(pixels.shape[1] / fine.shape[1])
        found: list[Detection] = []
        for top, left in product(tile_starts(fine.shape[0]), tile_starts(fine.shape[1])):
            on_pass()
            tile = np.ascontiguousarray(fine[top : top + TILE_PX, left : left + TILE_PX])
            found += [box.move(shift_by(left, top)).move(grow) for box in self._finder.find(tile, TILE_PX)]
        return found

    def _fit_face(self, pixels: Pixels, box: Detection) -> Face:
        """Two passes of the mesh network: on the box, then on the extent of what the first pass found."""
        angle = _measure_roll(box.kps[0], box.kps[1])
        mesh, _ = self._run_mesh_network(pixels, box.centre, box.side * _MESH_MARGIN, angle)
        angle = _measure_roll(mesh[_EYE_CORNERS[0], :2], mesh[_EYE_CORNERS[1], :2])
        centre, side = _bound_level(mesh[:, :2], angle)
        mesh, score = self._run_mesh_network(pixels, centre, side * _MESH_MARGIN, angle)
        return describe_face(mesh, score, box.det_score)

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


def describe_face(mesh: Mesh, mesh_score: float, det_score: float = 1.0) -> Face:
    """A face with this (468, 3) mesh: its box, its five points and how it is turned."""
    yaw, pitch, roll = head_pose(mesh)
    bbox = np.concatenate([mesh[:, :2].min(0), mesh[:, :2].max(0)]).astype(np.float32)
    return Face(bbox, det_score, five_points(mesh), mesh, mesh_score, yaw, pitch, roll)


def _go_on() -> None:
    """Nothing waits between two passes."""


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
