"""The tray on a real screen: a window manager, a panel, a notification service, a mouse and a keyboard."""

import subprocess
import time
from io import BytesIO

from PIL import Image

from mien_testing.desktop import Desk, swap
from mien_testing.panel import until
from mien_tray.icon_image import CORAL

PANEL = (
    "trayer",
    "--edge",
    "top",
    "--align",
    "right",
    "--widthtype",
    "request",
    "--height",
    "24",
    "--tint",
    "0x202020",
)
CORNER = (600, 0, 640, 24)  # where the panel stands on a screen 640 wide
MENU = (380, 24, 640, 320)
PAPER = (255, 255, 255)


def see(desk: Desk) -> Image.Image:
    taken = subprocess.run(["import", "-window", "root", "png:-"], env=desk.environ, capture_output=True, check=True)
    return Image.open(BytesIO(taken.stdout)).convert("RGB")


def share(picture: Image.Image, colour: tuple[int, int, int]) -> float:
    """How much of the picture is about of this colour."""
    pixels = picture.tobytes()
    close = sum(
        all(abs(one - other) <= 24 for one, other in zip(pixels[at : at + 3], colour, strict=True))
        for at in range(0, len(pixels), 3)
    )
    return 3 * close / len(pixels)


def do(desk: Desk, *words: str) -> str:
    return subprocess.run(words, env=desk.environ, capture_output=True, text=True, check=False).stdout


def opens_menu(desk: Desk) -> bool:
    """Right-click the icon, and again if the panel took no notice: it may just be putting it elsewhere."""
    do(desk, "xdotool", "mousemove", "627", "12", "click", "3")
    for _ in range(20):
        if share(see(desk).crop(MENU), PAPER) > 0.5:
            return True
    do(desk, "xdotool", "key", "Escape")
    return False


def takes_first(desk: Desk, before: int) -> bool:
    """The menu's first line, by keys; a menu is on the screen a moment before it hears them."""
    do(desk, "xdotool", "key", "Down", "Return")
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up and not desk.opened[before:]:
        time.sleep(0.05)
    do(desk, "xdotool", "key", "Escape")
    return bool(desk.opened[before:])


def test_the_icon_is_seen_its_menu_opens_and_a_notification_pops_up(desk: Desk) -> None:
    for program in (("openbox",), PANEL, ("dunst",)):
        desk.start(*program)
    until(lambda: do(desk, "xdotool", "search", "--class", "trayer"), "a panel")
    daemon = desk.obedient_daemon()
    desk.tray()
    until(lambda: share(see(desk).crop(CORNER), CORAL) > 0.1, "the icon in the panel")

    before = len(desk.opened)
    until(lambda: opens_menu(desk) and takes_first(desk, before), "the page, opened from the menu by the keyboard")

    swap(daemon)
    until(lambda: do(desk, "xdotool", "search", "--onlyvisible", "--class", "Dunst"), "the notification")
