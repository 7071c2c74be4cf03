"""A lock file of two small wheels and an index that has them: what an engine's environment is made of in a test."""

import hashlib
from pathlib import Path
from zipfile import ZipFile, ZipInfo

from mien_models.environments.lock import EngineLock
from mien_testing.network import Shop

# As much of torch as is asked after an install; its version is as PyTorch writes it.
TORCH = """
__version__ = "2.13.0+made.up"
class version:
    cuda = hip = None
class cuda:
    @staticmethod
    def is_available(): return False
"""


def write_wheel(folder: Path, name: str, version: str, files: dict[str, str]) -> Path:
    path, info = folder / f"{name}-{version}-py3-none-any.whl", f"{name}-{version}.dist-info"
    files = files | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    with ZipFile(path, "w") as wheel:
        for inside, text in files.items():
            wheel.writestr(ZipInfo(inside), text)
        wheel.writestr(ZipInfo(f"{info}/RECORD"), "".join(f"{one},,\n" for one in [*files, f"{info}/RECORD"]))
    return path


def write_lock(path: Path, wheels: list[Path], url: str) -> EngineLock:
    lines = ['lock-version = "1.0"', 'created-by = "test"']
    for wheel in wheels:
        name, version, *_ = wheel.name.split("-")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        lines += ["[[packages]]", f'name = "{name}"', f'version = "{version}"']
        found = f'url = "{url}{wheel.name}", size = {wheel.stat().st_size}, hashes = {{ sha256 = "{digest}" }}'
        lines += [f"wheels = [{{ {found} }}]"]
    path.write_text("\n".join(lines) + "\n")
    return EngineLock(path)


def write_wheels(folder: Path) -> list[Path]:
    """As much of torch as is asked, and `extra`, whose answer is 42."""
    folder.mkdir()
    torch = {"torch/__init__.py": TORCH, "torch/version.py": "cuda = hip = None\n"}
    return [
        write_wheel(folder, "torch", "2.13.0", torch),
        write_wheel(folder, "extra", "1.0", {"extra.py": "answer = 42\n"}),
    ]


def offer_wheels(shop: Shop, wheels: list[Path]) -> None:
    """Have `shop` be a package index at `simple/`, with the files at `files/`."""
    shop.headers["Content-Type"] = "text/html"
    for wheel in wheels:
        shop.files[f"/files/{wheel.name}"] = wheel.read_bytes()
        shop.files[f"/simple/{wheel.name.split('-')[0]}/"] = f'<a href="/files/{wheel.name}">w</a>'.encode()
