"""The core runs on a machine that has Python and the C library, and no graphics library."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from mien_models.store import ModelStore

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
# What a swap may load from outside Python's packages: the C and C++ libraries, and what Python itself is built with.
# Pillow looks for FriBidi and does without it.
OF_THE_SYSTEM = re.compile(
    r"(ld-linux.*|lib(c|m|dl|rt|util|pthread|resolv|gcc_s|stdc\+\+|z|bz2|lzma|zstd|ffi|ssl|crypto|sqlite3|expat|uuid|crypt"
    r"|nss_\w+|python3[\d.]*|fribidi))[-.\d]*so[.\d]*"
)
SWAP = """
import json, sys
from mien_cli.__main__ import run
status = run()
loaded = {line.split(maxsplit=5)[5].strip() for line in open("/proc/self/maps") if ".so" in line}
print(json.dumps({"status": status, "loaded": sorted(loaded)}))
"""


@pytest.fixture(scope="module")
def core_opencv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The OpenCV that the core asks for, alone: this environment has insightface's over it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    (wanted,) = [each for each in project["dependencies"] if each.startswith("opencv")]
    folder = tmp_path_factory.mktemp("opencv")
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", str(folder), wanted]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.skipif(sys.platform != "linux", reason="what a process has loaded is read from Linux")
def test_a_swap_loads_no_library_that_a_bare_system_lacks(
    models: ModelStore, core_opencv: Path, tmp_path: Path
) -> None:
    folders = {"MIEN_STATE_DIR": str(tmp_path / "state"), "MIEN_MODELS_DIR": str(models.root)}
    done = subprocess.run(
        [sys.executable, "-c", SWAP, "demo", "--offline", "-o", str(tmp_path / "out")],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **folders, "PYTHONPATH": str(core_opencv)},
    )
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    assert said["status"] == 0
    loaded = [Path(each) for each in said["loaded"]]
    ours = [each for each in loaded if each.is_relative_to(core_opencv)]
    assert any("cv2" in each.parts for each in ours)
    outside = [each for each in loaded if each not in ours and not {"site-packages", "lib-dynload"} & set(each.parts)]
    assert [each.name for each in outside if not OF_THE_SYSTEM.fullmatch(each.name)] == []
