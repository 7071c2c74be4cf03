"""What a person may ask of the GAN engines."""

from typing import Literal

from mien_pipeline.options import SwapOptions


class InswapperOptions(SwapOptions, frozen=True):
    """The 128-pixel GAN baseline."""

    engine: Literal["inswapper"] = "inswapper"
