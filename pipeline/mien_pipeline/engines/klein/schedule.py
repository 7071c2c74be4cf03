"""Noise levels of FLUX.2: how far they are pushed depends on the picture's size and on the number of steps."""

import math

import numpy as np

# Beyond this many tokens of noise the makers' line breaks off, and 4 steps have far too little noise in them.
MOST_TOKENS = 4300
# Pixels of the picture that is made: 4096 tokens, the size the model was trained for.
MOST_PIXELS = 1 << 20


def push(tokens: int, steps: int) -> float:
    """How far the levels are pushed, the mu of the time shift.

    Two lines over the tokens of noise, for 10 and for 200 steps, and a line between them over the steps.

    Source: `compute_empirical_mu` of diffusers' `pipeline_flux2_klein.py`, which has it from the makers' code.
    """
    with_10, with_200 = 8.73809524e-5 * tokens + 1.89833333, 1.6927e-4 * tokens + 0.45666666
    if tokens > MOST_TOKENS:
        return with_200
    return with_200 + (with_200 - with_10) / 190 * (steps - 200)


def schedule(steps: int, tokens: int) -> list[float]:
    """Decreasing noise levels from 1.0 to 0.0, one more than steps.

    In float32, as the model's own scheduler has them to the last bit: 1e-7 of a level grows to 1e-5 of the latents.

    Args:
        steps: at least 1.
        tokens: of noise alone; pictures that are only read do not count.
    """
    even = np.linspace(1.0, 1 / steps, steps).astype(np.float32)
    pushed = math.exp(push(tokens, steps))
    return [*(float(each) for each in pushed / (pushed + (1 / even - 1))), 0.0]
