"""Where a face is worked on: a whole-pixel region of the target, and the coarse grid over it."""

from dataclasses import dataclass

import cv2
import numpy as np

from mien_pipeline.faces.topology import face_width
from mien_pipeline.image import Floats

GRID_WIDTH_PX = 128  # geometry and light are worked out on a face this wide


@dataclass(frozen=True, slots=True)
class Box:
    """A whole-pixel part of a picture: left, top, right, bottom."""

    left: int
    top: int
    right: int
    bottom: int

    @classmethod
    def around(cls, mesh: Floats, margin: float, shape: tuple[int, ...]) -> "Box":
        """The mesh and `margin` face widths around it, as far as the picture goes."""
        reach = margin * face_width(mesh)
        low = np.floor(mesh[:, :2].min(0) - reach).astype(int)
        high = np.ceil(mesh[:, :2].max(0) + reach).astype(int)
        return cls(max(0, int(low[0])), max(0, int(low[1])), min(shape[1], int(high[0])), min(shape[0], int(high[1])))

    @classmethod
    def covering(cls, share: Floats) -> "Box":
        """The smallest box around all of (H, W) that is not 0."""
        left, top, width, height = cv2.boundingRect((share > 0).astype(np.uint8))
        return cls(left, top, left + width, top + height)

    def on_steps_of(self, step: int, shape: tuple[int, ...]) -> "Box":
        """The smallest box around this one whose edges lie on steps, or on the picture's edge."""
        return Box(
            self.left // step * step,
            self.top // step * step,
            min(shape[1], -(-self.right // step) * step),
            min(shape[0], -(-self.bottom // step) * step),
        )

    @property
    def empty(self) -> bool:
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
    def affine(self) -> Floats:
        """(2, 3) picture → box."""
        return np.array([[1, 0, -self.left], [0, 1, -self.top]], np.float32)

    def local(self, mesh: Floats) -> Floats:
        """The mesh in the box's own pixels."""
        return np.asarray(mesh - np.array([self.left, self.top, 0]), np.float32)


@dataclass(frozen=True, slots=True)
class Grid:
    """The coarse grid over a picture: `step` of its pixels to one of the grid's."""

    step: int
    width: int
    height: int

    @classmethod
    def over(cls, shape: tuple[int, ...], step: int) -> "Grid":
        return cls(step, -(-shape[1] // step), -(-shape[0] // step))

    @staticmethod
    def step_for(face_width_px: float) -> int:
        return max(1, round(face_width_px / GRID_WIDTH_PX))

    def points(self, mesh: Floats) -> Floats:
        """(N, 2) vertices in grid pixels; a pixel's centre is at +0.5 on either grid."""
        return ((mesh[:, :2] + 0.5) / self.step - 0.5).astype(np.float32)

    def down(self, values: Floats) -> Floats:
        """Full-size values averaged on the grid."""
        height, width = values.shape[:2]
        padded = cv2.copyMakeBorder(
            values, 0, self.height * self.step - height, 0, self.width * self.step - width, cv2.BORDER_REPLICATE
        )
        return np.asarray(cv2.resize(padded, (self.width, self.height), interpolation=cv2.INTER_AREA), np.float32)

    def up(self, values: Floats, shape: tuple[int, ...]) -> Floats:
        """Grid values at full size."""
        size = (self.width * self.step, self.height * self.step)
        full = np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)
        return np.ascontiguousarray(full[: shape[0], : shape[1]])

    def to_full(self, places: Floats) -> Floats:
        """Grid coordinates → full coordinates."""
        return np.asarray((places + 0.5) * self.step - 0.5, np.float32)
