"""Where on the target the head is made, and how large the model makes it."""

from mien_pipeline.engines.diffusion.target import MULTIPLE, Cut, cut_for
from mien_pipeline.engines.klein.schedule import MOST_PIXELS
from mien_pipeline.face import Face

# Less than other engines show around the face: in a whole photograph the head grows, because nothing says its size.
CONTEXT = 0.2


def canvas_for(image_size: tuple[int, int], face: Face, side: int) -> Cut:
    """The cut around the head, whose working picture has at most 2^20 pixels with its padding.

    Args:
        image_size: (width, height) of the target.
        side: of the square whose area is worked on, at most 1024.
    """
    cut = cut_for(image_size, face, side, CONTEXT)
    while cut.outer[0] * cut.outer[1] > MOST_PIXELS:
        side -= MULTIPLE
        cut = cut_for(image_size, face, side, CONTEXT)
    return cut
