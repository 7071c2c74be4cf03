"""A damaged picture is refused wherever pictures are read."""

from collections.abc import Mapping

import pytest

from mien_core.errors import InvalidImage
from mien_pipeline.media.decode import decode
from mien_pipeline.media.previews import preview


def refusal(data: bytes) -> Mapping[str, object]:
    """What `invalid-image` says of a picture that neither a swap nor a preview may read."""
    with pytest.raises(InvalidImage) as refused:
        decode(data)
    with pytest.raises(InvalidImage):
        preview(data, 32)
    return refused.value.fields
