"""Pictures as a transformer reads them: VAE latents, normalised and packed.

*Unpacked* latents are (B, c, H/8, W/8), *packed* ones (B, tokens, 4c): one token for 16 × 16 pixels, row by row. FLUX.1
has 16 channels, which are shifted and scaled before they are packed; FLUX.2 has 32, and the running mean and variance
of a BatchNorm over the 128 packed ones.
"""

from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from mien_pipeline.engines.diffusion.target import MULTIPLE, Cut, resize
from mien_pipeline.image import Mask, Pixels


def token_mask(mask: Mask, cut: Cut) -> Tensor:
    """(tokens, 1) float32 on the CPU: 1 where any pixel of the token's 16 × 16 is made anew, else 0.

    Args:
        mask: (cut.height, cut.width) in cut pixels.
    """
    pooled = F.max_pool2d(torch.from_numpy(mask_at_working_size(mask, cut))[None, None], MULTIPLE)
    return (pooled.flatten() > 1e-3).float()[:, None]


def mask_at_working_size(mask: Mask, cut: Cut) -> Mask:
    """(outer height, outer width) float32 of (cut.height, cut.width); the padding is 0."""
    working = cv2.resize(mask, cut.inner, interpolation=cv2.INTER_AREA)
    right, below = cut.outer[0] - cut.inner[0], cut.outer[1] - cut.inner[1]
    padded = cv2.copyMakeBorder(working, 0, below, 0, right, cv2.BORDER_CONSTANT, value=0.0)
    return np.ascontiguousarray(padded, np.float32)


def position_ids(size: tuple[int, int], axes: int, first: int = 0) -> Tensor:
    """(tokens, axes) float32 on the CPU: `first`, row and column of every image token; 0 on any further axis.

    Args:
        size: (width, height) of the picture in pixels, multiples of 16.
        axes: 3 for FLUX.1, 4 for FLUX.2.
        first: which picture of several, on FLUX.2's scale.
    """
    columns, rows = size[0] // MULTIPLE, size[1] // MULTIPLE
    ids = torch.zeros(rows, columns, axes)
    ids[..., 0] = first
    ids[..., 1] = torch.arange(rows)[:, None]
    ids[..., 2] = torch.arange(columns)[None, :]
    return ids.flatten(0, 1)


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
    """Packed latents of a picture, (1, tokens, 4c): the mode of the VAE's posterior, normalised.

    Args:
        vae: `AutoencoderKL`, `AutoencoderTiny` or `AutoencoderKLFlux2`; the latents have its dtype and device.
        pixels: (H, W, 3) uint8 RGB, H and W multiples of 16.
    """
    picture = to_tensor(pixels).to(vae.device, vae.dtype)
    encoded = vae.encode(picture)
    latents: Tensor = encoded.latents if hasattr(encoded, "latents") else encoded.latent_dist.mode()
    return _normalise(vae, pack(latents))


@torch.no_grad()
def decode(vae: Any, packed: Tensor, cut: Cut) -> Pixels:
    """(outer height, outer width, 3) uint8 RGB, the working picture of packed latents (1, tokens, 4c)."""
    latents = unpack(_undo_normalise(vae, packed.to(vae.device, vae.dtype)), cut)
    return to_pixels(vae.decode(latents, return_dict=False)[0])


@torch.no_grad()
def decode_small(vae: Any, packed: Tensor, cut: Cut, side: int) -> Pixels:
    """As `decode`, in less time and room: neighbouring latents are averaged until no side has more than `side` pixels.

    What is decoded is enlarged again.
    """
    latents = unpack(_undo_normalise(vae, packed.to(vae.device, vae.dtype)), cut)
    times = min(1.0, side / max(cut.outer))
    rows, columns = (max(1, round(size * times)) for size in latents.shape[2:])
    small = F.interpolate(latents, size=(rows, columns), mode="area")
    return resize(to_pixels(vae.decode(small, return_dict=False)[0]), cut.outer)


def _normalise(vae: Any, packed: Tensor) -> Tensor:
    if hasattr(vae, "bn"):
        mean, deviation = _batch_statistics(vae)
        return (packed - mean) / deviation
    shift, scale = _shift_and_scale(vae)
    return (packed - shift) * scale


def _undo_normalise(vae: Any, packed: Tensor) -> Tensor:
    if hasattr(vae, "bn"):
        mean, deviation = _batch_statistics(vae)
        return packed * deviation + mean
    shift, scale = _shift_and_scale(vae)
    return packed / scale + shift


def _batch_statistics(vae: Any) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of FLUX.2's packed channels, (4c,) each."""
    return vae.bn.running_mean, torch.sqrt(vae.bn.running_var + vae.config["batch_norm_eps"])


def _shift_and_scale(vae: Any) -> tuple[float, float]:
    # TAEF1 is trained on latents that are already scaled: its configuration gives scale 1 and no shift.
    return float(vae.config.get("shift_factor", None) or 0.0), float(vae.config.get("scaling_factor", None) or 1.0)
