"""Libraries that no picture needs are replaced by stand-ins: OpenCV stays the published file and does the same."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "installers/bundle/stand_ins.py"
EXTENSION = next(Path(cv2.__file__).parent.glob("cv2*.so"), None)

pytestmark = pytest.mark.skipif(sys.platform != "linux" or EXTENSION is None, reason="only Linux links them so")


def find_libraries(extension: Path) -> Path:
    """The folder of a wheel's own libraries, which the extension names relative to itself."""
    told = subprocess.run(["readelf", "-dW", extension], capture_output=True, text=True, check=True).stdout
    named = re.search(r"(?:RPATH|RUNPATH)\).*\[\$ORIGIN/(.+?)\]", told)
    assert named is not None
    return (extension.parent / named[1]).resolve()


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the `cv2` that is installed here, beside its libraries as a package would have them."""
    assert EXTENSION is not None
    site = tmp_path_factory.mktemp("site")
    libraries = find_libraries(EXTENSION)
    shutil.copytree(EXTENSION.parent, site / "cv2", ignore=shutil.ignore_patterns("__pycache__"))
    subprocess.run([sys.executable, SCRIPT, EXTENSION, libraries, site / libraries.name], check=True)
    return site


def run(packed: Path, program: str) -> subprocess.CompletedProcess[bytes]:
    words = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(packed)!r})\n{program}"]
    return subprocess.run(words, capture_output=True, check=False)


def test_opencv_without_them_draws_the_same_pixels(packed: Path) -> None:
    picture = np.random.default_rng(3).integers(0, 256, (96, 128, 3), dtype=np.uint8)
    program = f"""
import cv2, numpy as np
assert cv2.__file__.startswith({str(packed)!r}), cv2.__file__
picture = np.random.default_rng(3).integers(0, 256, (96, 128, 3), dtype=np.uint8)
drawn = cv2.GaussianBlur(cv2.resize(picture, (200, 150), interpolation=cv2.INTER_CUBIC), (0, 0), 2.5)
sys.stdout.buffer.write(drawn.tobytes() + cv2.imencode(".png", drawn)[1].tobytes())
"""
    done = run(packed, program)
    drawn = cv2.GaussianBlur(cv2.resize(picture, (200, 150), interpolation=cv2.INTER_CUBIC), (0, 0), 2.5)
    assert done.stdout == drawn.tobytes() + cv2.imencode(".png", drawn)[1].tobytes(), done.stderr.decode()


def test_what_calls_one_of_them_ends_with_a_sentence_that_names_the_call(packed: Path) -> None:
    done = run(packed, "import cv2, numpy as np; cv2.gemm(*[np.ones((200, 200), np.float32)] * 2, 1, None, 0)")
    assert done.returncode < 0
    assert b"mien: something called cblas_sgemm, whose library the package leaves out\n" in done.stderr


def test_none_of_their_code_is_left(packed: Path) -> None:
    (folder,) = packed.glob("*.libs")
    sizes = {path.name.partition("-")[0]: path.stat().st_size for path in folder.iterdir()}
    small = {name for name, size in sizes.items() if size < 20_000}
    assert {"libavcodec", "libavformat", "libavutil", "libswscale", "libopenblasp"} <= small
    assert not {"libvpx", "libssl", "libgfortran"} & set(sizes), "which only those loaded"
    assert sizes["libpng16"] > 500_000, "which pictures need"
    assert [path for path in folder.iterdir() if ".so" not in path.name] == []
