"""What a picture must pass before the library takes it."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager

from mien_core.errors import ContentBlocked, NoFaceFound, SeveralFaces

THUMBNAIL_SIDE = 320  # pixels


@contextmanager
def blame_the_reference() -> Generator[None]:
    """Say that the reference did not pass the content check; who looks for faces does not know which picture it has."""
    try:
        yield
    except ContentBlocked as error:
        raise ContentBlocked("the reference picture did not pass the content check", stage="reference") from error


def require_one_face(faces: Sequence[object]) -> None:
    """Refuse a reference without a face, or with more people than the one who agreed.

    Raises:
        NoFaceFound, SeveralFaces: with `role` "reference".
    """
    if not faces:
        raise NoFaceFound("the reference shows no face", role="reference")
    if len(faces) > 1:
        raise SeveralFaces(f"the reference shows {len(faces)} faces", role="reference", found=len(faces))
