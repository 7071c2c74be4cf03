"""OpenCV in the package is the wheel's, so its pixels are, although what no picture needs is left out."""

import io
import os
import subprocess
from pathlib import Path

import numpy as np
import PIL.Image

from mien_models.store import ModelStore
from mien_testing.shipped import BUILT, Story

PACKED = BUILT / "dist/mien/_internal"


def test_the_package_swaps_to_the_same_pixels_as_the_wheel(story: Story, models: ModelStore, tmp_path: Path) -> None:
    env = {**os.environ, "MIEN_MODELS_DIR": str(models.root), "MIEN_STATE_DIR": str(tmp_path / "state")}
    command = [str(BUILT / "venv/bin/mien"), "demo", "-o", str(tmp_path)]
    subprocess.run(command, env=env, check=True, stdout=subprocess.DEVNULL)
    with PIL.Image.open(tmp_path / "result.jpg") as wheel, PIL.Image.open(io.BytesIO(story.demo_picture)) as package:
        np.testing.assert_array_equal(np.asarray(package), np.asarray(wheel))


def test_its_file_is_the_published_one() -> None:
    (packed,) = PACKED.glob("cv2/*.so")
    (published,) = BUILT.glob(f"venv/lib/python*/site-packages/cv2/{packed.name}")
    assert packed.read_bytes() == published.read_bytes()


def test_ffmpeg_and_a_second_blas_are_not_in_the_package() -> None:
    heavy = [path.name for path in PACKED.rglob("*.so*") if path.stat().st_size > 100_000]
    unused = ("libavcodec", "libavformat", "libswscale", "libvpx", "libssl-", "libopenblasp")
    assert [name for name in heavy if name.startswith(unused)] == []
