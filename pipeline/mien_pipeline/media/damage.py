"""What is wrong with a picture file, in one word for programs and in one sentence for people."""

from typing import Literal

from mien_core.errors import InvalidImage

Damage = Literal[
    "ends-early",  # bytes are missing at the end
    "rows-missing",  # the pixels end before the last row; `row` and `rows` say where
    "scans-missing",  # a progressive JPEG ends before the pass that holds its detail
    "checksum",  # bytes were changed after they were written; `chunk` says which
    "bad-header",  # what describes the picture contradicts itself
    "bad-data",  # the compressed pixels are not what the format allows
]


# Beside these `InvalidImage.reason` may be: "empty", "other-format", "several-pictures", "two-formats" (a polyglot),
# "wide-channels" (32 bits) and "too-many-parts". Such a file is not damaged, and is refused all the same.


def refuse_damaged(kind: str, reason: Damage, detail: str, **fields: object) -> InvalidImage:
    """The error for a damaged file of the format `kind`; the message ends with `detail`."""
    return InvalidImage(f"the {kind} file is damaged: {detail}", found=kind, reason=reason, **fields)
