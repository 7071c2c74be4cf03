"""Image → silence or a refusal: everything that can be seen of a picture passes the content check."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mien_pipeline.image import Image, Pixels
from mien_pipeline.protocols import ContentCheck

WHITE, BLACK = 255.0, 0.0
GREY = 128.0  # the page of previews; what only a page between white and black shows is seen on it


def check(image: Image, content_check: ContentCheck, stage: str) -> None:
    """Raises `ContentBlocked` or `CheckUnavailable`, as `content_check` does; `stage` says where."""
    for pixels in appearances(image):
        content_check.check(pixels, stage)


def appearances(image: Image) -> Iterator[Pixels]:
    """The colours themselves, and, of a picture that is not opaque, as they look on a white, a black and a grey page.

    A shape may lie in the transparency alone, and a colour may be seen by a program that ignores transparency.
    """
    yield image.pixels
    if image.alpha is not None:
        for page in (WHITE, BLACK, GREY):
            yield lay_on_page(image, page)


def lay_on_page(image: Image, page: float = WHITE) -> Pixels:
    """(H, W, 3) uint8: the picture over a page of one grey, 0..255; its own pixels where it is opaque."""
    if image.alpha is None:
        return image.pixels
    opacity = image.alpha[..., None].astype(np.float32) / 255
    return np.asarray(np.rint(page + (image.pixels - page) * opacity), np.uint8)


def flatten(image: Image) -> Image:
    """The picture as it looks on a white page: there is a face where a viewer sees one."""
    return image if image.alpha is None else replace(image, pixels=lay_on_page(image), alpha=None)
