"""Image → silence or a refusal: everything that can be seen of a picture passes the content check, upright too.

The network was trained on upright pictures. Turned ones mislead it both ways: an innocent group on its side is
blocked, and a picture that is blocked upright passes upside down. Faces tell which way is up.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import cv2
import numpy as np

from mien_core.errors import ContentBlocked
from mien_pipeline.face import Face
from mien_pipeline.image import Image, Pixels
from mien_pipeline.media.pyramid import halve
from mien_pipeline.protocols import ContentCheck

WHITE, BLACK = 255.0, 0.0
GREY = 128.0  # the page of previews; what only a page between white and black shows is seen on it

TILTED_DEG = 30.0  # roll of a face from which its picture is looked at upright as well: few lean their heads as far
TURNED_DEG = 60.0  # roll of every face from which the picture as it lies counts less
CHECK_EVERY = 30  # pictures of a segment that another machine made
_APART_DEG = 30.0  # rolls of faces that are told apart
_QUARTER_DEG = 15.0  # as near to a quarter turn as this, the picture is turned by that and loses no pixel
_MOST_TURNS = 3  # that are looked at, those of the largest faces
_SMALLEST_AREA = 0.1  # of the largest face's: what is smaller may be no face
_SIDE_PX = 400  # the check's own working size


class PictureCheck:
    """The check of one picture in two parts, so that faces are searched for during the first."""

    def __init__(self, image: Image, content_check: ContentCheck, stage: str) -> None:
        self._image, self._check, self._stage = image, content_check, stage
        self._blocked: ContentBlocked | None = None

    def begin(self) -> None:
        """Look at the picture as it lies; a refusal waits for `finish`. Raises `CheckUnavailable`."""
        try:
            _look(self._image, self._check, self._stage)
        except ContentBlocked as blocked:
            self._blocked = blocked

    def finish(self, faces: Sequence[Face]) -> None:
        """Look at the picture upright, where `faces` say that it is not, and decide.

        A picture all of whose faces are turned is blocked by what it shows upright, and as it lies only when the
        network is as sure of it as it has to be of a part.

        Raises:
            ContentBlocked: with the stage.
            CheckUnavailable: no verdict could be had.
        """
        turns = find_turns(faces)
        if self._blocked and not (turns and all(abs(face.roll_deg) >= TURNED_DEG for face in faces)):
            raise self._blocked
        for degrees in turns:
            for pixels in appearances(self._image):
                self._check.check(turn_upright(pixels, degrees), self._stage)
        if self._blocked:
            _look(self._image, self._check, self._stage, is_turned=True)


def check(image: Image, content_check: ContentCheck, stage: str, faces: Sequence[Face] = ()) -> None:
    """Raises `ContentBlocked` or `CheckUnavailable`, as `PictureCheck` does; `stage` says where."""
    both = PictureCheck(image, content_check, stage)
    both.begin()
    both.finish(faces)


def check_clip_picture(
    image: Image, content_check: ContentCheck, stage: str, faces: Sequence[Face], at_s: float
) -> None:
    """As `check`, of the picture that a clip shows at `at_s` seconds: who is refused can leave that part out."""
    try:
        check(image, content_check, stage, faces)
    except ContentBlocked as blocked:
        said = f"the {stage} clip did not pass the content check at {at_s:.1f} s"
        raise ContentBlocked(said, stage=stage, at_s=round(at_s, 1)) from blocked


def find_turns(faces: Sequence[Face]) -> list[float]:
    """The rolls, in degrees clockwise, of the larger faces that are not level; those of one roll count once."""
    largest = max((face.area for face in faces), default=0.0)
    turns: list[float] = []
    for face in sorted(faces, key=lambda face: face.area, reverse=True):
        is_new = all(abs((face.roll_deg - turn + 180) % 360 - 180) > _APART_DEG for turn in turns)
        if abs(face.roll_deg) >= TILTED_DEG and face.area >= _SMALLEST_AREA * largest and is_new:
            turns.append(face.roll_deg)
    return turns[:_MOST_TURNS]


def turn_upright(pixels: Pixels, degrees: float) -> Pixels:
    """(h, w, 3) uint8: `pixels` (H, W, 3) turned counter-clockwise by `degrees`.

    Between quarter turns it is the largest upright rectangle inside the turned picture: what a tilted camera or an
    editor put around it is left out. The corners were seen as they lie.
    """
    quarters = round(degrees / 90)
    if abs(degrees - 90 * quarters) <= _QUARTER_DEG:
        return np.ascontiguousarray(np.rot90(pixels, quarters))
    small = halve(pixels, _SIDE_PX)
    height, width = small.shape[:2]
    size = _fit_inside(width, height, math.radians(degrees))
    turn = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    shift = np.array([[0, 0, (size[0] - width) / 2], [0, 0, (size[1] - height) / 2]])
    return np.asarray(cv2.warpAffine(small, np.asarray(turn + shift, np.float32), size), np.uint8)


def _fit_inside(width: int, height: int, angle: float) -> tuple[int, int]:
    """Width and height of the largest upright rectangle in one of `width` and `height` turned by `angle`, radians."""
    sin, cos = abs(math.sin(angle)), abs(math.cos(angle))
    if min(width, height) <= 2 * sin * cos * max(width, height):  # it touches only the long sides
        half = min(width, height) / 2
        across, down = (half / sin, half / cos) if width >= height else (half / cos, half / sin)
    else:
        twice = cos * cos - sin * sin
        across, down = (width * cos - height * sin) / twice, (height * cos - width * sin) / twice
    return max(1, round(across)), max(1, round(down))


def _look(image: Image, content_check: ContentCheck, stage: str, *, is_turned: bool = False) -> None:
    for pixels in appearances(image):
        content_check.check(pixels, stage, is_turned=is_turned)


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
