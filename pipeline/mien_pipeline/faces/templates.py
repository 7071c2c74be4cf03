"""Where the crops of published networks have a face's five points."""

import numpy as np

from mien_models.catalogue.networks import Template
from mien_pipeline.face import Kps
from mien_pipeline.faces.align import ARCFACE_TEMPLATE
from mien_pipeline.image import Floats

# Five points as shares of the side: eyes, nose, mouth corners, viewer's left first. The second is ArcFace's, the third
# is that moved by 8 of 128 pixels; the others are FaceFusion 3.8's table, to four places.
TEMPLATES: dict[str, Floats] = {
    "arcface-112-v1": np.array(
        [[0.3547, 0.4566], [0.6453, 0.4566], [0.5000, 0.6115], [0.3791, 0.7769], [0.6209, 0.7769]], np.float32
    ),
    "arcface-112-v2": np.asarray(ARCFACE_TEMPLATE / 112, np.float32),
    "arcface-128": np.asarray((ARCFACE_TEMPLATE + np.array([8, 0])) / 128, np.float32),
    "ffhq-512": np.array(
        [[0.3769, 0.4686], [0.6229, 0.4691], [0.5012, 0.6133], [0.3931, 0.7254], [0.6115, 0.7249]], np.float32
    ),
    "mtcnn-512": np.array(
        [[0.3656, 0.4673], [0.6331, 0.4659], [0.5002, 0.6194], [0.3903, 0.7760], [0.6118, 0.7748]], np.float32
    ),
}


def template_points(template: Template, side: int) -> Kps:
    """Where a crop of `side` pixels has the five points: (5, 2) float32, its pixels."""
    shares = TEMPLATES[template] if isinstance(template, str) else np.array(template, np.float32)
    return np.asarray(shares * np.float32(side), np.float32)
