"""The icon files that the systems want, drawn by the tray's own code: `python installers/icons.py FOLDER`."""

import sys
from pathlib import Path

from mien_tray.icon_image import IconState, Symbol, draw

LINUX_SIDES = (16, 32, 48, 64, 128, 256)
# Windows shows no other; macOS takes every one of its own from the largest.
WINDOWS_SIDES = (16, 24, 32, 48, 64, 128, 256)
MAC_SIDE = 1024


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


if __name__ == "__main__":
    write_icons(Path(sys.argv[1]))
