"""What FLUX.1 reads beside the packed latents of `diffusion.latents`: positions, the face's tokens, Fill's picture."""

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from mien_pipeline.engines.diffusion.latents import encode, mask_at_working_size, pack, position_ids
from mien_pipeline.engines.diffusion.target import MULTIPLE, Cut
from mien_pipeline.face import Face
from mien_pipeline.image import Mask, Pixels


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
    return position_ids(cut.outer, axes=3).to(like)


def fill_input(vae: Any, pixels: Pixels, mask: Mask, cut: Cut) -> Tensor:
    """What Fill models read beside the latents: the picture without the masked region, and the mask, packed.

    Args:
        pixels: (outer height, outer width, 3) uint8 RGB, the working picture.
        mask: (cut.height, cut.width) in cut pixels.

    Returns:
        (1, tokens, 64 + 256) in the VAE's dtype, on its device.
    """
    holes = (mask_at_working_size(mask, cut) > 0.5).astype(np.float32)
    grey = (pixels * (1 - holes[..., None]) + 127.5 * holes[..., None]).astype(np.uint8)
    known = encode(vae, grey)
    # Every latent pixel carries the 8 × 8 mask pixels that it covers.
    eighths = torch.from_numpy(holes).view(cut.outer[1] // 8, 8, cut.outer[0] // 8, 8)
    carried = eighths.permute(1, 3, 0, 2).reshape(1, 64, cut.outer[1] // 8, cut.outer[0] // 8)
    return torch.cat([known, pack(carried).to(known)], dim=-1)
