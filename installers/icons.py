"""Mien's mark in every size and form, drawn by the tray's own code.

`python installers/icons.py FOLDER` writes what the systems want; `python installers/icons.py` draws the committed ones
again: the extension's, and the console's, which the README shows too.
"""

import sys
from pathlib import Path

from mien_tray.icon_image import CORAL, CREAM, DARK, FACE_RIGHT, IconState, Symbol, draw

ROOT = Path(__file__).parents[1]
LINUX_SIDES = (16, 32, 48, 64, 128, 256)
# Windows shows no other; macOS takes every one of its own from the largest.
WINDOWS_SIDES = (16, 24, 32, 48, 64, 128, 256)
MAC_SIDE = 1024
EXTENSION_SIDES = (16, 32, 48, 128)
VECTOR_SIDE = 100


def write_icons(folder: Path) -> None:
    """Write `mien.ico`, `mien.icns` and `SIDExSIDE/mien.png` below `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    picture = draw(IconState(Symbol.IDLE), MAC_SIDE)
    picture.save(folder / "mien.icns")
    picture.save(folder / "mien.ico", sizes=[(side, side) for side in WINDOWS_SIDES])
    for side in LINUX_SIDES:
        at = folder / f"{side}x{side}"
        at.mkdir(exist_ok=True)
        draw(IconState(Symbol.IDLE), side).save(at / "mien.png")


def write_committed(root: Path = ROOT) -> None:
    """Write the extension's `icons/SIDE.png` and the console's `mien.svg` below `root`."""
    for side in EXTENSION_SIDES:
        draw(IconState(Symbol.IDLE), side).save(root / f"extension/icons/{side}.png", optimize=True)
    (root / "daemon/mien_daemon/console/mien.svg").write_text(describe_mark(), encoding="utf-8")


def describe_mark() -> str:
    """The mark as one SVG document."""
    side = VECTOR_SIDE
    halves = "".join(
        f'<path d="{describe_half(mirrored)}" fill="{hexadecimal(colour)}"/>'
        for colour, mirrored in ((DARK, -1), (CREAM, 1))
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {side} {side}">'
        f'<rect x="2" y="2" width="96" height="96" rx="27" fill="{hexadecimal(CORAL)}"/>{halves}</svg>\n'
    )


def describe_half(mirrored: int) -> str:
    """SVG path data of the face's right half, or with -1 of its left."""
    curves = [[(0.5 + mirrored * (x - 0.5), y) for x, y in curve] for curve in FACE_RIGHT]
    points = [" ".join(f"{VECTOR_SIDE * x:g},{VECTOR_SIDE * y:g}" for x, y in curve[1:]) for curve in curves]
    x, y = curves[0][0]
    return f"M{VECTOR_SIDE * x:g},{VECTOR_SIDE * y:g}C{' '.join(points)}Z"


def hexadecimal(colour: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        write_icons(Path(sys.argv[1]))
    else:
        write_committed()
