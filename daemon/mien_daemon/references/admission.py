"""What a picture must pass before the library takes it."""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import TypeVar

from mien_core.errors import ContentBlocked, NoFaceFound, SeveralFaces

Face = TypeVar("Face")
THUMBNAIL_SIDE = 320  # pixels
HEAD_REACH = 0.9  # of a face's longer side, from its middle: the head with its hair


@contextmanager
def blame_the_reference() -> Generator[None]:
    """Say that the reference did not pass the content check; who looks for faces does not know which picture it has."""
    try:
        yield
    except ContentBlocked as error:
        raise ContentBlocked("the reference picture did not pass the content check", stage="reference") from error


def require_one_face(faces: Sequence[Face]) -> Face:
    """The only face of a reference; one without a face, or with more people than the one who agreed, is refused.

    Raises:
        NoFaceFound, SeveralFaces: with `role` "reference".
    """
    if not faces:
        raise NoFaceFound("the reference shows no face", role="reference")
    if len(faces) > 1:
        raise SeveralFaces(f"the reference shows {len(faces)} faces", role="reference", found=len(faces))
    return faces[0]


def square_around(bbox: Iterable[float]) -> tuple[float, float, float, float]:
    """The square (x1, y1, x2, y2) of the picture that a thumbnail of the face at `bbox`, the same, shows."""
    x1, y1, x2, y2 = map(float, bbox)
    reach = HEAD_REACH * max(x2 - x1, y2 - y1)
    x, y = (x1 + x2) / 2, (y1 + y2) / 2
    return x - reach, y - reach, x + reach, y + reach
