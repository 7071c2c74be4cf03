"""The part of the target that is made anew: cut out, sized for the model, masked, and put back at its own size.

A small face is cut out with its surroundings and worked on at the model's best size; one that fills the picture takes
the whole of it. The model works on multiples of 16; the cut is padded to them, never shortened, so that every size
comes back exact.
"""

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.report import SwapWarning

MULTIPLE = 16
# The region made anew around a face's box, in its widths and heights: 35 % to the sides, 45 % above, 15 % below.
MARGIN_SIDE, MARGIN_TOP, MARGIN_BOTTOM = 0.35, 0.45, 0.15
# What the model sees around that region, in its larger side.
CONTEXT = 0.5
# A cut that covers this much of the picture takes the whole of it.
WHOLE_FRAME = 0.8
# Beyond this enlargement the model would only be given blur.
MOST_ENLARGED = 4.0
# Softness of the mask's edge, in the region's larger side.
FEATHER = 0.06


@dataclass(frozen=True, slots=True)
class Frame:
    """Where the work happens.

    Attributes:
        left, top, width, height: the cut, whole pixels of the target.
        scale: target pixels → working pixels.
        inner: width and height of the picture in the working size; the rest is padding.
        outer: the working size, multiples of 16.
    """

    left: int
    top: int
    width: int
    height: int
    scale: float
    inner: tuple[int, int]
    outer: tuple[int, int]

    @property
    def tokens(self) -> int:
        return (self.outer[0] // MULTIPLE) * (self.outer[1] // MULTIPLE)

    def to_working(self, points: Floats) -> Floats:
        """(N, 2) target pixels → working pixels."""
        ratio = np.array([self.inner[0] / self.width, self.inner[1] / self.height], np.float32)
        moved: Floats = ((points - np.array([self.left, self.top], np.float32) + 0.5) * ratio - 0.5).astype(np.float32)
        return moved


def region_of(face: Face) -> tuple[float, float, float, float]:
    """The box that is made anew, x1 y1 x2 y2 in target pixels; it may reach beyond the picture."""
    x1, y1, x2, y2 = (float(value) for value in face.bbox)
    width, height = x2 - x1, y2 - y1
    return (
        x1 - MARGIN_SIDE * width,
        y1 - MARGIN_TOP * height,
        x2 + MARGIN_SIDE * width,
        y2 + MARGIN_BOTTOM * height,
    )


def frame_for(image_size: tuple[int, int], face: Face, side: int) -> Frame:
    """Where to work on `face`.

    Args:
        image_size: width and height of the target.
        side: of the square whose area the model works best at, in pixels.
    """
    image_width, image_height = image_size
    x1, y1, x2, y2 = region_of(face)
    half = (0.5 + CONTEXT) * max(x2 - x1, y2 - y1)
    centre_x, centre_y = (x1 + x2) / 2, (y1 + y2) / 2
    left, right = _inside(centre_x - half, centre_x + half, image_width)
    top, bottom = _inside(centre_y - half, centre_y + half, image_height)
    if (right - left) * (bottom - top) >= WHOLE_FRAME * image_width * image_height:
        left, top, right, bottom = 0, 0, image_width, image_height
    width, height = right - left, bottom - top
    scale = min(math.sqrt(side * side / (width * height)), MOST_ENLARGED)
    inner = (max(1, round(width * scale)), max(1, round(height * scale)))
    outer = (-(-inner[0] // MULTIPLE) * MULTIPLE, -(-inner[1] // MULTIPLE) * MULTIPLE)
    return Frame(left, top, width, height, scale, inner, outer)


def _inside(low: float, high: float, size: int) -> tuple[int, int]:
    """The span moved into 0..size rather than cut, as far as it fits."""
    span = min(size, math.ceil(high - low))
    start = min(max(0, math.floor(low)), size - span)
    return start, start + span


def cut(image: Image, frame: Frame) -> Pixels:
    """The target in the working size, padded with its own edge, (height, width, 3) uint8 RGB."""
    pixels = image.pixels[frame.top : frame.top + frame.height, frame.left : frame.left + frame.width]
    return _padded(resized(pixels, frame.inner), frame)


def resized(pixels: Pixels, size: tuple[int, int]) -> Pixels:
    """(h, w, 3) to (height, width, 3): averaged when it shrinks, Lanczos when it grows, untouched at its own size."""
    if (pixels.shape[1], pixels.shape[0]) == size:
        return pixels
    shrinks = size[0] < pixels.shape[1]
    return np.asarray(
        cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4), np.uint8
    )


def _padded(pixels: Pixels, frame: Frame) -> Pixels:
    right, below = frame.outer[0] - frame.inner[0], frame.outer[1] - frame.inner[1]
    return np.asarray(cv2.copyMakeBorder(pixels, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint8)


def mask_for(face: Face, frame: Frame, keep: Floats | None = None) -> Floats:
    """What is made anew, (height, width) of the cut in 0..1, at the target's own scale.

    An ellipse in the region around the face, soft inside its edge, so that nothing outside the region changes.

    Args:
        keep: (height, width) of the cut in 0..1, what stays the target's whatever the region says.
    """
    x1, y1, x2, y2 = region_of(face)
    rows = np.arange(frame.height, dtype=np.float32)[:, None] + frame.top
    columns = np.arange(frame.width, dtype=np.float32)[None, :] + frame.left
    across = (columns - (x1 + x2) / 2) / ((x2 - x1) / 2)
    along = (rows - (y1 + y2) / 2) / ((y2 - y1) / 2)
    # A superellipse of degree 4: nearly the whole box, without its corners.
    distance = (across**4 + along**4) ** 0.25
    soft = 2 * FEATHER
    mask = np.clip((1.0 - distance) / soft, 0.0, 1.0)
    mask = mask * mask * (3.0 - 2.0 * mask)
    if keep is not None:
        mask = mask * (1.0 - keep)
    return mask.astype(np.float32)


def token_mask(mask: Floats, frame: Frame) -> Tensor:
    """(tokens, 1) float32, 1 where any pixel of the token's 16 × 16 is made anew."""
    working = cv2.resize(mask, frame.inner, interpolation=cv2.INTER_AREA)
    right, below = frame.outer[0] - frame.inner[0], frame.outer[1] - frame.inner[1]
    padded = cv2.copyMakeBorder(working, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0.0)
    pooled = F.max_pool2d(torch.from_numpy(np.ascontiguousarray(padded))[None, None], MULTIPLE)
    return (pooled.flatten() > 1e-3).float()[:, None]


def face_tokens_of(face: Face, frame: Frame) -> Tensor:
    """(n,) int64 places of the tokens that the face's box covers, row by row."""
    corners = frame.to_working(np.asarray(face.bbox, np.float32).reshape(2, 2))
    columns, rows = frame.outer[0] // MULTIPLE, frame.outer[1] // MULTIPLE
    left, top = (max(0, int(value // MULTIPLE)) for value in corners[0])
    right, bottom = (math.ceil(float(value) / MULTIPLE) for value in corners[1])
    grid = torch.arange(rows * columns).view(rows, columns)
    return grid[top : max(top + 1, bottom), left : max(left + 1, right)].flatten()


def image_ids(frame: Frame, like: Tensor) -> Tensor:
    """(tokens, 3): nought, row and column of every image token."""
    columns, rows = frame.outer[0] // MULTIPLE, frame.outer[1] // MULTIPLE
    ids = torch.zeros(rows, columns, 3)
    ids[..., 1] = torch.arange(rows)[:, None]
    ids[..., 2] = torch.arange(columns)[None, :]
    return ids.flatten(0, 1).to(like)


def to_tensor(pixels: Pixels) -> Tensor:
    """(h, w, 3) uint8 to (1, 3, h, w) float32 in −1..1."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def to_pixels(picture: Tensor) -> Pixels:
    """(1, 3, h, w) in −1..1 to (h, w, 3) uint8."""
    values = ((picture[0].float().permute(1, 2, 0) + 1.0) * 127.5).round().clamp(0, 255)
    return np.asarray(values.to(torch.uint8).cpu().numpy(), np.uint8)


def pack(latents: Tensor) -> Tensor:
    """(batch, c, h, w) to (batch, h/2 · w/2, 4c): two by two neighbours become one token."""
    batch, channels, height, width = latents.shape
    cells = latents.view(batch, channels, height // 2, 2, width // 2, 2)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(batch, height // 2 * (width // 2), channels * 4)


def unpack(packed: Tensor, frame: Frame) -> Tensor:
    """What `pack` undoes: (batch, tokens, 4c) to (batch, c, h, w)."""
    columns, rows = frame.outer[0] // MULTIPLE, frame.outer[1] // MULTIPLE
    cells = packed.view(packed.shape[0], rows, columns, packed.shape[2] // 4, 2, 2)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(packed.shape[0], packed.shape[2] // 4, rows * 2, columns * 2)


@torch.no_grad()
def encode(vae: Any, pixels: Pixels) -> Tensor:
    """Packed latents of a picture, (1, tokens, 64): the mode of the VAE's posterior, shifted and scaled."""
    picture = to_tensor(pixels).to(vae.device, vae.dtype)
    encoded = vae.encode(picture)
    latents: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    shift, scale = _shift_and_scale(vae)
    return pack((latents - shift) * scale)


@torch.no_grad()
def decode(vae: Any, packed: Tensor, frame: Frame) -> Pixels:
    """The picture of packed latents in the working size, (height, width, 3) uint8 RGB."""
    shift, scale = _shift_and_scale(vae)
    latents = unpack(packed.to(vae.device, vae.dtype), frame) / scale + shift
    return to_pixels(vae.decode(latents, return_dict=False)[0])


def _shift_and_scale(vae: Any) -> tuple[float, float]:
    # TAEF1 is trained on latents that are already scaled: its configuration says 1 and nothing.
    return float(vae.config.get("shift_factor", None) or 0.0), float(vae.config.get("scaling_factor", None) or 1.0)


def fill_input(vae: Any, pixels: Pixels, mask: Floats, frame: Frame) -> Tensor:
    """What Fill models read beside the latents: the picture without the masked region, and the mask, packed.

    Returns:
        (1, tokens, 64 + 256).
    """
    working = cv2.resize(mask, frame.inner, interpolation=cv2.INTER_AREA)
    right, below = frame.outer[0] - frame.inner[0], frame.outer[1] - frame.inner[1]
    padded = cv2.copyMakeBorder(working, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0.0)
    holes = (padded > 0.5).astype(np.float32)
    grey = (pixels * (1 - holes[..., None]) + 127.5 * holes[..., None]).astype(np.uint8)
    known = encode(vae, grey)
    # Every latent pixel carries the 8 × 8 pixels of mask that it stands for.
    eighths = torch.from_numpy(holes).view(frame.outer[1] // 8, 8, frame.outer[0] // 8, 8)
    carried = eighths.permute(1, 3, 0, 2).reshape(1, 64, frame.outer[1] // 8, frame.outer[0] // 8)
    return torch.cat([known, pack(carried).to(known)], dim=-1)


def patch(made: Pixels, mask: Floats, frame: Frame, warnings: tuple[SwapWarning, ...] = ()) -> Patch:
    """The picture that was made, at the target's own scale and where it belongs."""
    inner = made[: frame.inner[1], : frame.inner[0]]
    crop = resized(np.ascontiguousarray(inner), (frame.width, frame.height))
    affine = np.array([[1, 0, -frame.left], [0, 1, -frame.top]], np.float32)
    return Patch(crop=crop, affine=affine, mask=mask, warnings=warnings)
