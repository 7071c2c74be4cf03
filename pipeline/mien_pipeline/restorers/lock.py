"""The lock on identity: a repaired face is used only where a recogniser still finds the same person."""

from collections.abc import Callable

from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Image, Pixels
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import FaceEmbedder

# Similarity of the result to the input under the recogniser.
LOCK = 0.98
# How often the amount is lowered before nothing is changed, and to what share each time.
TRIES, LOWERED = 6, 0.7


def keep_identity(
    image: Image,
    face: Face,
    place: tuple[slice, slice],
    make: Callable[[float], Pixels],
    nothing: Patch,
    embedder: FaceEmbedder,
    on_step: OnStep,
) -> Patch:
    """`nothing` with the pixels of the largest share that is the same person; without any, `nothing` itself.

    Args:
        place: rows and columns of the picture that change.
        make: the pixels there for a share of the amount, (h, w, 3) uint8 RGB.
        nothing: the patch of that place that changes nothing, a mask of zeros.
        embedder: no engine is conditioned on it.
        on_step: told of each try.
    """
    own = embedder.embed(image, face)
    for attempt in range(TRIES):
        on_step(attempt, TRIES)
        pixels = make(LOWERED**attempt)
        result = image.pixels.copy()
        result[place] = pixels
        if embedder.similarity(own, embedder.embed(Image(result), face)) >= LOCK:
            changed = (pixels != image.pixels[place]).any(axis=2)
            return Patch(pixels, nothing.affine, changed.astype(nothing.mask.dtype))
    return nothing
