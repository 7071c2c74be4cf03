"""Vivid's texture as FLUX.1 paints it: the face once more at low strength, on its own identity.

The engine is given the face itself as the reference, so that every identity part is conditioned on the embedding of
the picture that is repaired. Of what it paints, the fine luminance of plain skin is taken and nothing else.
"""

import numpy as np

from mien_pipeline.face import Face, Portrait
from mien_pipeline.image import Floats, Image
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import Engine
from mien_pipeline.restorers.skin_texture import OUTLIER, SkinRegion, fine_detail, luminance_of
from mien_pipeline.skin.blend import paste_back


class Repaint:
    """Texture from the identity stack."""

    name = "vivid-flux"

    def __init__(self, painter: Engine, options: SwapOptions) -> None:
        self.painter = painter
        self.options = options

    def detail(self, image: Image, face: Face, view: SkinRegion, on_step: OnStep) -> Floats:
        """(h, w) code values: the painted skin's fine luminance in place of the picture's own."""
        likeness = self.painter.prepare([Portrait(image, face)])
        painted = paste_back(image, likeness.render(image, face, self.options, on_step))
        repainted = luminance_of(painted.pixels[view.rows, view.columns])
        detail = fine_detail(repainted - view.luminance, view.face_px)
        inside = detail[view.skin > 0.5]
        # A large value is an edge that was painted elsewhere, not texture.
        limit = OUTLIER * float(inside.std()) if inside.size else 0.0
        return np.clip(detail, -limit, limit)
