"""Is the head that was made as large as the one that was there, and in its place?"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mien_pipeline.engines.diffusion.target import Cut
from mien_pipeline.face import Face, Mesh
from mien_pipeline.faces.align import similarity_transform, transform, warp
from mien_pipeline.faces.detect import MESH_SCORE, MeshDetector, describe_face
from mien_pipeline.faces.topology import RIGID, face_width
from mien_pipeline.image import Affine, Image, Pixels

# A made head is this much larger or smaller than the target's at most; other makers' heads grow by a quarter.
LEAST_SCALE, MOST_SCALE = 0.9, 1.1
# So many face widths away at most.
FARTHEST = 0.15
# Nearer than this it is left where it is: to move a picture softens it.
STILL_SCALE, STILL_WIDTHS = 0.01, 0.005
# The network draws what it finds towards the size that it was told; from its own answers it comes to the true one.
LOOKS = 4


@dataclass(frozen=True, slots=True, eq=False)
class Registration:
    """A made face against the one whose place it takes.

    Attributes:
        face: as it was made, in working pixels; None where no face was found.
        scale: its size over the target's.
        offset: how far its middle is from the target's, in face widths.
        affine: (2, 3) float32, from where it was made to where it belongs.
    """

    face: Face | None
    scale: float
    offset: float
    affine: Affine

    @property
    def is_in_place(self) -> bool:
        """True when the head has the target's size and place, or is near enough to be moved there."""
        return self.face is not None and LEAST_SCALE <= self.scale <= MOST_SCALE and self.offset <= FARTHEST

    @property
    def is_still(self) -> bool:
        """True when there is nothing to move."""
        return self.face is None or (abs(self.scale - 1) <= STILL_SCALE and self.offset <= STILL_WIDTHS)


def register(made: Pixels, expected: Mesh, detector: MeshDetector) -> Registration:
    """Where the face in `made`, (H, W, 3) uint8 RGB, is against the mesh (468, 3) that is expected there.

    Only vertices that expression hardly moves are compared: scale, turn on the screen and shift, nothing else.
    """
    picture = Image(made)
    found = detector.follow(picture, expected)
    for _ in range(LOOKS - 1):
        found = detector.follow(picture, expected if found.mesh is None else found.mesh)
    if found.mesh is None or found.mesh_score < MESH_SCORE:
        return Registration(None, 1.0, 0.0, np.eye(2, 3, dtype=np.float32))
    theirs, ours = (mesh[list(RIGID), :2].astype(np.float32) for mesh in (found.mesh, expected))
    affine = similarity_transform(theirs, ours)
    shrinks = float(np.sqrt(abs(np.linalg.det(affine[:, :2]))))
    offset = float(np.linalg.norm(theirs.mean(0) - ours.mean(0))) / max(face_width(expected), 1.0)
    return Registration(found, 1 / max(shrinks, 1e-6), offset, affine)


def move(made: Pixels, found: Registration) -> Pixels:
    """`made` with its face where it belongs; the picture itself where that is where it is."""
    if found.is_still:
        return made
    size = made.shape[1], made.shape[0]
    return np.asarray(warp(made, found.affine, size, border=cv2.BORDER_REPLICATE, cubic=True), np.uint8)


def mesh_to_working(mesh: Mesh, cut: Cut) -> Mesh:
    """A (468, 3) mesh of the target in working pixels."""
    depth = mesh[:, 2:] * np.float32(cut.inner[0] / cut.width)
    return np.hstack([cut.to_working(mesh[:, :2]), depth]).astype(np.float32)


def face_on_target(found: Registration, cut: Cut, was: Face) -> Face:
    """The made face after it was moved, in the target's pixels; the target's own where none was found."""
    if found.face is None or found.face.mesh is None:
        return was
    affine = np.eye(2, 3, dtype=np.float32) if found.is_still else found.affine
    turned = transform(found.face.mesh[:, :2], affine)
    back = np.array([cut.width / cut.inner[0], cut.height / cut.inner[1]], np.float32)
    points = (turned + 0.5) * back - 0.5 + np.array([cut.left, cut.top], np.float32)
    stretch = np.float32(np.sqrt(abs(np.linalg.det(affine[:, :2]))) * back[0])
    mesh = np.hstack([points, found.face.mesh[:, 2:] * stretch]).astype(np.float32)
    return replace(describe_face(mesh, found.face.mesh_score), det_score=was.det_score)
