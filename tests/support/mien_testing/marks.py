"""What the tests of marking and checking share: real photographs, and the real networks loaded once."""

import importlib.util
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import PIL.Image
import pytest

from mien_models.store import ModelStore
from mien_pipeline.image import Pixels
from mien_pipeline.trust.authority import Authority
from mien_pipeline.trust.marking import ResultMarker
from mien_pipeline.trust.verify import Inspector
from mien_pipeline.trust.watermark import Watermark

# Photographs that packages of the development environment bring along; none shows anything that may be blocked.
PACKAGED = (
    ("skimage", "data", "*.[pj][np]g"),
    ("insightface", "data/images", "t1.jpg"),
)


@pytest.fixture(scope="session")
def photographs(models: ModelStore) -> Mapping[str, Pixels]:
    """Everyday pictures by name, (H, W, 3) uint8."""
    portraits = models.path("demo-portraits")
    paths = [portraits / "astronaut.png", portraits / "grace_hopper.jpg"]
    for package, folder, pattern in PACKAGED:
        found = importlib.util.find_spec(package)
        assert found is not None
        assert found.submodule_search_locations is not None
        paths += sorted((Path(found.submodule_search_locations[0]) / folder).glob(pattern))
    return {path.name: np.asarray(PIL.Image.open(path).convert("RGB")) for path in paths}


@pytest.fixture(scope="session")
def portrait(models: ModelStore) -> bytes:
    """A JPEG of a person."""
    return (models.path("demo-portraits") / "grace_hopper.jpg").read_bytes()


@pytest.fixture(scope="session")
def watermark(models: ModelStore) -> Watermark:
    return Watermark(models.path("watermark"))


@pytest.fixture(scope="session")
def state(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The state folder of the install that signs."""
    return tmp_path_factory.mktemp("state")


@pytest.fixture(scope="session")
def marker(models: ModelStore, state: Path) -> ResultMarker:
    return ResultMarker(models.path("watermark"), Authority(state))


@pytest.fixture(scope="session")
def inspector(models: ModelStore, marker: ResultMarker, state: Path) -> Inspector:
    """Of the install that signs, after its first result."""
    assert marker
    return Inspector(models.path("watermark"), state)


@pytest.fixture(scope="session")
def photograph_with_a_past() -> bytes:
    """A JPEG whose EXIF tells where, with what and by whom it was taken, and holds a thumbnail."""
    exif = PIL.Image.Exif()
    exif[0x013B] = "Ann Author"
    exif[0x8298] = "(c) Ann Author"
    exif[0x010F] = "CANARY-MAKE"
    exif[0x010E] = "CANARY-DESCRIPTION"
    exif[0x0131] = "CANARY-SOFTWARE"
    exif.get_ifd(0x8769).update({0xA431: "CANARY-SERIAL", 0x927C: b"CANARY-MAKERNOTE", 0xA430: "CANARY-OWNER"})
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 29: "CANARY-GPSDATE"})
    pixels = np.random.default_rng(3).integers(60, 200, (300, 400, 3), dtype=np.uint8)
    out = io.BytesIO()
    picture = PIL.Image.fromarray(pixels)
    picture.save(out, "JPEG", quality=92, exif=with_thumbnail(exif.tobytes()), comment=b"CANARY-COMMENT")
    return out.getvalue()


def with_thumbnail(exif: bytes) -> bytes:
    """The block with a second directory that holds a small JPEG, as cameras write it and Pillow does not."""
    small = io.BytesIO()
    PIL.Image.new("RGB", (8, 8)).save(small, "JPEG", comment=b"CANARY-THUMBNAIL")
    prefix, tiff = exif[:6], bytearray(exif[6:])
    order: Literal["big", "little"] = "big" if tiff.startswith(b"MM") else "little"
    entries = int.from_bytes(tiff[8:10], order)
    tiff[10 + 12 * entries : 14 + 12 * entries] = len(tiff).to_bytes(4, order)
    start = len(tiff) + 2 + 3 * 12 + 4
    directory = (3).to_bytes(2, order)
    for tag, value in ((0x0103, 6), (0x0201, start), (0x0202, len(small.getvalue()))):
        directory += tag.to_bytes(2, order) + (4).to_bytes(2, order) + (1).to_bytes(4, order) + value.to_bytes(4, order)
    return prefix + bytes(tiff) + directory + bytes(4) + small.getvalue()
