"""How many processes work at once: pictures of a folder, or segments of a clip."""

import os
from argparse import ArgumentTypeError

# A picture of 24 megapixels takes 1.3 GB and one of 94 megapixels 2.1 GB; the loaded networks are in that.
BYTES_EACH = 2 << 30
MOST = 64


def parse_workers(text: str) -> str:
    """A number from 1 to 64, or "auto"; argparse says what is wrong with anything else."""
    if text != "auto" and not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST):
        raise ArgumentTypeError(f"{text!r} is neither a number from 1 to {MOST} nor auto")
    return text


def count_workers(wanted: str, engine_memory_bytes: int, *, accelerated: bool) -> int:
    """How many workers a run has: the number that was asked for, or as many as the machine can feed.

    Args:
        wanted: a number, or "auto".
        engine_memory_bytes: what the engine needs at least.
        accelerated: the engine has the accelerator to itself, so that a second worker would only wait for it.
    """
    if wanted != "auto":
        return int(wanted)
    if accelerated:
        return 1
    import psutil

    fitting = psutil.virtual_memory().available // max(BYTES_EACH, engine_memory_bytes)
    return max(1, min(count_processors(), int(fitting)))


def count_processors() -> int:
    """The processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
