"""Pictures as FLUX.1's transformer reads them: VAE latents, shifted, scaled and packed.

*Unpacked* latents are (B, 16, H/8, W/8), *packed* ones (B, tokens, 64): one token for 16 × 16 pixels, row by row.
"""

import math
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mien_pipeline.engines.diffusion.target import MULTIPLE, Cut
from mien_pipeline.face import Face
from mien_pipeline.image import Mask, Pixels


def token_mask(mask: Mask, cut: Cut) -> Tensor:
    """(tokens, 1) float32 on the CPU: 1 where any pixel of the token's 16 × 16 is made anew, else 0.

    Args:
        mask: (cut.height, cut.width) in cut pixels.
    """
    pooled = F.max_pool2d(torch.from_numpy(_to_working_size(mask, cut))[None, None], MULTIPLE)
    return (pooled.flatten() > 1e-3).float()[:, None]


def _to_working_size(mask: Mask, cut: Cut) -> Mask:
    """(outer height, outer width) float32 of (cut.height, cut.width); the padding is 0."""
    working = cv2.resize(mask, cut.inner, interpolation=cv2.INTER_AREA)
    right, below = cut.outer[0] - cut.inner[0], cut.outer[1] - cut.inner[1]
    padded = cv2.copyMakeBorder(working, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0.0)
    return np.ascontiguousarray(padded, np.float32)


def face_tokens_of(face: Face, cut: Cut) -> Tensor:
    """(n,) int64 on the CPU: the indices of the tokens that the face's box covers, row by row."""
    corners = cut.to_working(np.asarray(face.bbox, np.float32).reshape(2, 2))
    columns, rows = cut.outer[0] // MULTIPLE, cut.outer[1] // MULTIPLE
    left, top = (max(0, int(value // MULTIPLE)) for value in corners[0])
    right, bottom = (math.ceil(float(value) / MULTIPLE) for value in corners[1])
    grid = torch.arange(rows * columns).view(rows, columns)
    return grid[top : max(top + 1, bottom), left : max(left + 1, right)].flatten()


def image_ids(cut: Cut, like: Tensor) -> Tensor:
    """(tokens, 3) in the dtype and on the device of `like`: 0, row and column of every image token."""
    columns, rows = cut.outer[0] // MULTIPLE, cut.outer[1] // MULTIPLE
    ids = torch.zeros(rows, columns, 3)
    ids[..., 1] = torch.arange(rows)[:, None]
    ids[..., 2] = torch.arange(columns)[None, :]
    return ids.flatten(0, 1).to(like)


def to_tensor(pixels: Pixels) -> Tensor:
    """(H, W, 3) uint8 RGB to (1, 3, H, W) float32 in −1..1, on the CPU."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(2, 0, 1)[None].float() / 127.5 - 1.0


def to_pixels(picture: Tensor) -> Pixels:
    """(1, 3, H, W) in −1..1, any dtype and device, to (H, W, 3) uint8 RGB."""
    values = ((picture[0].float().permute(1, 2, 0) + 1.0) * 127.5).round().clamp(0, 255)
    return np.asarray(values.to(torch.uint8).cpu().numpy(), np.uint8)


def pack(latents: Tensor) -> Tensor:
    """Unpacked (batch, c, h, w) to packed (batch, h/2 · w/2, 4c): two by two neighbours become one token."""
    batch, channels, height, width = latents.shape
    cells = latents.view(batch, channels, height // 2, 2, width // 2, 2)
    return cells.permute(0, 2, 4, 1, 3, 5).reshape(batch, height // 2 * (width // 2), channels * 4)


def unpack(packed: Tensor, cut: Cut) -> Tensor:
    """Packed (batch, tokens, 4c) to unpacked (batch, c, h, w): what `pack` did is undone."""
    columns, rows = cut.outer[0] // MULTIPLE, cut.outer[1] // MULTIPLE
    cells = packed.view(packed.shape[0], rows, columns, packed.shape[2] // 4, 2, 2)
    return cells.permute(0, 3, 1, 4, 2, 5).reshape(packed.shape[0], packed.shape[2] // 4, rows * 2, columns * 2)


@torch.no_grad()
def encode(vae: Any, pixels: Pixels) -> Tensor:
    """Packed latents of a picture, (1, tokens, 64): the mode of the VAE's posterior, shifted and scaled.

    Args:
        vae: `AutoencoderKL` or `AutoencoderTiny`; the latents have its dtype and device.
        pixels: (H, W, 3) uint8 RGB, H and W multiples of 16.
    """
    picture = to_tensor(pixels).to(vae.device, vae.dtype)
    encoded = vae.encode(picture)
    latents: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    shift, scale = _shift_and_scale(vae)
    return pack((latents - shift) * scale)


@torch.no_grad()
def decode(vae: Any, packed: Tensor, cut: Cut) -> Pixels:
    """(outer height, outer width, 3) uint8 RGB, the working picture of packed latents (1, tokens, 64)."""
    shift, scale = _shift_and_scale(vae)
    latents = unpack(packed.to(vae.device, vae.dtype), cut) / scale + shift
    return to_pixels(vae.decode(latents, return_dict=False)[0])


def _shift_and_scale(vae: Any) -> tuple[float, float]:
    # TAEF1 is trained on latents that are already scaled: its configuration gives scale 1 and no shift.
    return float(vae.config.get("shift_factor", None) or 0.0), float(vae.config.get("scaling_factor", None) or 1.0)


def fill_input(vae: Any, pixels: Pixels, mask: Mask, cut: Cut) -> Tensor:
    """What Fill models read beside the latents: the picture without the masked region, and the mask, packed.

    Args:
        pixels: (outer height, outer width, 3) uint8 RGB, the working picture.
        mask: (cut.height, cut.width) in cut pixels.

    Returns:
        (1, tokens, 64 + 256) in the VAE's dtype, on its device.
    """
    holes = (_to_working_size(mask, cut) > 0.5).astype(np.float32)
    grey = (pixels * (1 - holes[..., None]) + 127.5 * holes[..., None]).astype(np.uint8)
    known = encode(vae, grey)
    # Every latent pixel carries the 8 × 8 mask pixels that it covers.
    eighths = torch.from_numpy(holes).view(cut.outer[1] // 8, 8, cut.outer[0] // 8, 8)
    carried = eighths.permute(1, 3, 0, 2).reshape(1, 64, cut.outer[1] // 8, cut.outer[0] // 8)
    return torch.cat([known, pack(carried).to(known)], dim=-1)
