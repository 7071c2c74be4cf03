"""Faces from picture to picture: one mesh pass where each was, a search every few pictures and where one was lost."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from mien_pipeline.face import Embedding, Face, Mesh
from mien_pipeline.faces.align import transform
from mien_pipeline.faces.detect import MESH_SCORE
from mien_pipeline.faces.search import scale_by, shrink_to
from mien_pipeline.faces.unroll import facing_texels, unroll
from mien_pipeline.image import Image, Pixels
from mien_pipeline.protocols import FaceEmbedder, FaceFollower

SEARCH_EVERY = 10  # pictures; a face that comes in between is found late by so many at most
SEARCH_SIDE_PX = 480  # the search's picture, but for the first of a shot, which is searched as a still is
LOST_YAW_DEG = 44.0  # from here on the mesh saturates and slides onto other faces: see the mesh engine's own limit
_SAME_PLACE = 0.4  # intersection over union from which two meshes have slid onto one face
_EMBED_AT = (0, 12, 40)  # pictures after a track's first, at which it is asked who it is
TEXTURE_SIDE = 64  # of the luma textures by which covered faces are found
SHORTEST = 3  # pictures; what is seen for less is no face, or no one misses it

_SEEN_COS = 0.4  # of the angle to the camera; what is turned further shows the ear or the room as soon as it moves
# A cut changes nine in ten of a picture's values; measured on clips with fast motion the mean change of a 64 × 36
# picture was 9 grey levels at most from one picture to the next, and 20 and more at cuts.
_CUT_LEVELS, _CUT_RATIO = 14.0, 3.0
_THUMB = (64, 36)
_ROWS = 4  # of the picture, at least, that each of its rows is the mean of: more tell no more


@dataclass(slots=True, eq=False)
class Track:
    """One face in one shot, in pictures that follow each other.

    Attributes:
        shot: its number.
        first: the number of its first picture.
        faces: one for every picture from there on.
        embeddings: who it is, as a few of its pictures say.
        textures: (64, 64) uint8 luma, unrolled, one a picture; 0 where the face is turned away from the camera.
        portrait: the largest of the faces of which it was asked who it is: (h, w, 3) uint8 RGB, and its (468, 3) mesh.
    """

    shot: int
    first: int
    faces: list[Face] = field(default_factory=list[Face])
    embeddings: list[Embedding] = field(default_factory=list[Embedding])
    textures: list[Pixels] = field(default_factory=list[Pixels])
    portrait: tuple[Pixels, Mesh] | None = None

    @property
    def last_mesh(self) -> Mesh:
        """Where it was last, (468, 3)."""
        return require_mesh(self.faces[-1])

    @property
    def stop(self) -> int:
        """The number of the picture after its last."""
        return self.first + len(self.faces)


class CutFinder:
    """Tells where one shot ends and the next begins."""

    def __init__(self) -> None:
        self._before: Pixels | None = None
        self._changes: list[float] = []

    def is_cut(self, pixels: Pixels) -> bool:
        """Whether this picture is the first of a shot; the clip's first is one."""
        rows = pixels[:: max(1, len(pixels) // (_ROWS * _THUMB[1]))]
        thumb = np.asarray(cv2.resize(cv2.cvtColor(rows, cv2.COLOR_RGB2GRAY), _THUMB, interpolation=cv2.INTER_AREA))
        before, self._before = self._before, thumb.astype(np.uint8)
        if before is None:
            return True
        change = float(cv2.absdiff(self._before, before).mean())
        usual = float(np.median(self._changes[-12:])) if self._changes else 0.0
        if change > max(_CUT_LEVELS, _CUT_RATIO * usual):
            self._changes.clear()
            return True
        self._changes.append(change)
        return False


def _unroll_seen(pixels: Pixels, mesh: Mesh) -> Pixels:
    """(64, 64) uint8 luma as in `Track.textures`: behind a cheek that is turned away, another place is seen."""
    luma = np.maximum(cv2.cvtColor(unroll(pixels, mesh, TEXTURE_SIDE), cv2.COLOR_RGB2GRAY), 1)
    return np.asarray(luma * (facing_texels(mesh, TEXTURE_SIDE) > _SEEN_COS), np.uint8)


class Tracker:
    """Follows every face of a clip, handed one picture after the other."""

    def __init__(self, follower: FaceFollower, embedder: FaceEmbedder) -> None:
        self._follower, self._embedder = follower, embedder
        self._live: list[Track] = []
        self._ended: list[Track] = []
        self._searched_at = 0

    def add(self, number: int, shot: int, image: Image, *, is_cut: bool) -> Sequence[Face]:
        """Look at picture `number`; the faces in it."""
        if is_cut:
            self._end(self._live)
        lost = self._follow(image)
        if is_cut or lost or number - self._searched_at >= SEARCH_EVERY:
            self._searched_at = number
            for face in self._search(image, thorough=is_cut):
                if all(overlap(face, track.faces[-1]) < _SAME_PLACE for track in self._live):
                    self._live.append(Track(shot, number, [face]))
        for track in self._live:
            self._look(track, image)
        return [track.faces[-1] for track in self._live]

    def finish(self) -> list[Track]:
        """Every track of the clip, in the order in which they began."""
        self._end(self._live)
        return sorted(self._ended, key=lambda track: (track.first, float(track.faces[0].bbox[0])))

    def _follow(self, image: Image) -> bool:
        """Take every live track a picture further; whether one was lost."""
        found = [(track, self._follower.follow(image, track.last_mesh)) for track in self._live]
        kept: list[tuple[Track, Face]] = []
        for track, face in found:  # older ones first
            is_there = face.mesh_score >= MESH_SCORE and abs(face.yaw_deg) <= LOST_YAW_DEG
            if is_there and all(overlap(face, other) < _SAME_PLACE for _, other in kept):
                kept.append((track, face))
        held = [track for track, _ in kept]
        lost = [track for track in self._live if track not in held]
        self._end(lost)
        for track, face in kept:
            track.faces.append(face)
        return bool(lost)

    def _search(self, image: Image, *, thorough: bool) -> Iterator[Face]:
        small = image if thorough else replace(image, pixels=shrink_to(image.pixels, SEARCH_SIDE_PX))
        grow, shrunk = scale_by(image.width / small.width), np.float32(small.width / image.width)
        known = [replace(track.faces[-1], bbox=track.faces[-1].bbox * shrunk) for track in self._live]
        for face in self._follower.detect_others(small, known):
            mesh = require_mesh(face)
            large = np.hstack([transform(mesh[:, :2], grow), mesh[:, 2:] * grow[0, 0]]).astype(np.float32)
            refined = self._follower.follow(image, large)
            if refined.mesh_score >= MESH_SCORE and abs(refined.yaw_deg) <= LOST_YAW_DEG:
                yield replace(refined, det_score=face.det_score)

    def _look(self, track: Track, image: Image) -> None:
        face = track.faces[-1]
        track.textures.append(_unroll_seen(image.pixels, require_mesh(face)))
        if len(track.faces) - 1 in _EMBED_AT:
            track.embeddings.append(self._embedder.embed(image, face))
            crop = _cut_portrait(image.pixels, face)
            if track.portrait is None or crop[0].size > track.portrait[0].size:
                track.portrait = crop

    def _end(self, tracks: Sequence[Track]) -> None:
        self._ended += [track for track in tracks if len(track.faces) >= SHORTEST]
        self._live = [track for track in self._live if track not in tracks]


def overlap(one: Face, other: Face) -> float:
    """Intersection over union of their boxes, 0..1."""
    low, high = np.maximum(one.bbox[:2], other.bbox[:2]), np.minimum(one.bbox[2:], other.bbox[2:])
    shared = float(np.prod(np.maximum(high - low, 0)))
    return shared / max(one.area + other.area - shared, 1e-6)


def require_mesh(face: Face) -> Mesh:
    """The mesh of a face that was found by one."""
    if face.mesh is None:
        raise ValueError("tracking needs faces with a mesh")
    return face.mesh


def _cut_portrait(pixels: Pixels, face: Face) -> tuple[Pixels, Mesh]:
    """The face with a quarter of its size around it, and its mesh there."""
    x1, y1, x2, y2 = face.bbox
    more = 0.25 * max(x2 - x1, y2 - y1)
    rows = slice(max(0, int(y1 - more)), int(y2 + more) + 1)
    columns = slice(max(0, int(x1 - more)), int(x2 + more) + 1)
    shift = np.array([columns.start, rows.start, 0], np.float32)
    return pixels[rows, columns].copy(), np.asarray(require_mesh(face) - shift, np.float32)
