"""Where a face is rendered: a whole-pixel box of the target, and the coarse grid over it."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.face import Mesh
from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Affine, Floats, Mask

GRID_WIDTH_PX = 128  # a face is this wide on the grid, where geometry and light are computed


@dataclass(frozen=True, slots=True)
class Box:
    """A whole-pixel part of a picture: left, top, right, bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, mesh: Mesh, margin: float, shape: tuple[int, ...]) -> "Box":
        """A (468, 3) mesh and `margin` face widths around it, cut off at the edges of a picture of `shape`."""
        reach = margin * face_width(mesh)
        low = np.floor(mesh[:, :2].min(0) - reach).astype(int)
        high = np.ceil(mesh[:, :2].max(0) + reach).astype(int)
        return cls(max(0, int(low[0])), max(0, int(low[1])), min(shape[1], int(high[0])), min(shape[0], int(high[1])))

    @classmethod
    def covering(cls, share: Mask) -> "Box":
        """The smallest box around all of `share` (H, W) that is above 0."""
        left, top, width, height = cv2.boundingRect((share > 0).astype(np.uint8))
        return cls(left, top, left + width, top + height)

    def snap_to_steps(self, step: int, shape: tuple[int, ...]) -> "Box":
        """The smallest box around this one whose edges are multiples of `step`, or edges of a picture of `shape`."""
        return Box(
            self.left // step * step,
            self.top // step * step,
            min(shape[1], -(-self.right // step) * step),
            min(shape[0], -(-self.bottom // step) * step),
        )

    def grow(self, more: int, shape: tuple[int, ...]) -> "Box":
        """The box with `more` pixels around it, cut off at the edges of a picture of `shape`."""
        return Box(
            max(0, self.left - more),
            max(0, self.top - more),
            min(shape[1], self.right + more),
            min(shape[0], self.bottom + more),
        )

    @property
    def empty(self) -> bool:
        """Whether it has no pixel."""
        return self.right <= self.left or self.bottom <= self.top

    @property
    def part(self) -> tuple[slice, slice]:
        """Rows and columns."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.bottom - self.top, self.right - self.left

    @property
    def affine(self) -> Affine:
        """(2, 3) float32, a point of the picture to a point of the box."""
        return np.array([[1, 0, -self.left], [0, 1, -self.top]], np.float32)

    def to_local(self, mesh: Mesh) -> Mesh:
        """`mesh` (468, 3), in the picture's pixels, in the box's own."""
        return np.asarray(mesh - np.array([self.left, self.top, 0]), np.float32)

    def to_full(self, mesh: Mesh) -> Mesh:
        """`mesh` (468, 3), in the box's own pixels, in the picture's."""
        return np.asarray(mesh + np.array([self.left, self.top, 0]), np.float32)


@dataclass(frozen=True, slots=True)
class Grid:
    """The coarse grid over a picture: `step` of its pixels to one of the grid's."""

    step: int
    width: int
    height: int

    @classmethod
    def over(cls, shape: tuple[int, ...], step: int) -> "Grid":
        """The grid over a picture of `shape`; its last column and row may reach beyond the picture."""
        return cls(step, -(-shape[1] // step), -(-shape[0] // step))

    @staticmethod
    def step_for(face_width_px: float) -> int:
        """The step that makes a face GRID_WIDTH_PX wide; 1 for faces that are smaller."""
        return max(1, round(face_width_px / GRID_WIDTH_PX))

    def locate(self, mesh: Mesh) -> Floats:
        """The vertices of a (468, 3) mesh in grid pixels, (468, 2) float32; a pixel's centre is at +0.5 on both."""
        return ((mesh[:, :2] + 0.5) / self.step - 0.5).astype(np.float32)

    def shrink(self, values: Floats) -> Floats:
        """`values` (H, W) or (H, W, C) float32 averaged on the grid, (h, w) or (h, w, C)."""
        height, width = values.shape[:2]
        padded = cv2.copyMakeBorder(
            values, 0, self.height * self.step - height, 0, self.width * self.step - width, cv2.BORDER_REPLICATE
        )
        return np.asarray(cv2.resize(padded, (self.width, self.height), interpolation=cv2.INTER_AREA), np.float32)

    def enlarge(self, values: Floats, shape: tuple[int, ...]) -> Floats:
        """Grid `values` (h, w) or (h, w, C) float32 at full size, interpolated; `shape` begins with H and W."""
        size = (self.width * self.step, self.height * self.step)
        full = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return np.ascontiguousarray(full[: shape[0], : shape[1]])

    def to_full(self, places: Floats) -> Floats:
        """`places` (h, w, 2) float32, in grid pixels, in the picture's pixels."""
        return np.asarray((places + 0.5) * self.step - 0.5, np.float32)
