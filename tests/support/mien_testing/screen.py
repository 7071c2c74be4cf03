"""A screen of its own for a test, with a window manager, on which a real mouse and a real keyboard work."""

import os
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

import PIL.Image

from mien_testing.desktop import end, open_display

PATIENCE_S = 120.0  # two slow cores that other things run on as well


@dataclass
class Screen:
    """A display with a window manager, a mouse and a keyboard."""

    name: str

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "DISPLAY": self.name}

    def xdotool(self, *words: object) -> str:
        command = ["xdotool", *map(str, words)]
        return subprocess.run(command, env=self.environment, check=True, capture_output=True, text=True).stdout

    def keys(self, *names: str) -> None:
        """One after the other."""
        for name in names:
            self.xdotool("key", "--delay", 60, name, "sleep", 0.1)

    def right_click(self, x: int, y: int, *keys: str) -> None:
        """A real right click, and keys in the menu; each menu is waited for, however long it takes to open or close."""
        self.xdotool("mousemove", x, y, "sleep", 0.1)
        assert self.opens_menu("click", "3"), "no menu after a right click"
        for key in keys:
            if key == "Right":
                assert self.opens_menu("key", key), f"no menu after {keys}"
            elif key == "Escape":
                self._close_menu()
            else:
                self.keys(key)

    def opens_menu(self, *words: str, patience_s: float = PATIENCE_S) -> bool:
        """Whether one more menu is open soon after this."""
        before = len(self.windows())
        self.xdotool(*words)
        deadline = time.monotonic() + patience_s
        while len(self.windows()) <= before:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        time.sleep(0.15)  # a menu is on the screen a moment before it listens, and nothing tells when it does
        return True

    def _close_menu(self) -> None:
        before = len(self.windows())
        self.keys("Escape")
        deadline = time.monotonic() + PATIENCE_S
        while len(self.windows()) >= before:
            assert time.monotonic() < deadline, "the menu stays open"
            time.sleep(0.02)

    def windows(self) -> list[str]:
        """What lies on the screen; every open menu is a window of its own."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            try:
                return self.xdotool("search", "--onlyvisible", "--maxdepth", 1, "--name", ".*").split()
            except subprocess.CalledProcessError:  # it ends with an error where a window goes while it looks
                if time.monotonic() > deadline:
                    raise

    def picture(self, *crop: str) -> PIL.Image.Image:
        command = ["import", "-window", "root", *crop, "png:-"]
        shot = subprocess.run(command, env=self.environment, check=True, capture_output=True)
        return PIL.Image.open(BytesIO(shot.stdout)).convert("RGB")

    def colour_at(self, x: int, y: int) -> tuple[int, ...]:
        """What is really to be seen there."""
        return tuple(self.picture("-crop", f"1x1+{x}+{y}", "+repage").getpixel((0, 0)))  # type: ignore[arg-type]


@contextmanager
def open_screen() -> Generator[Screen]:
    """A display with openbox on it."""
    with open_display("1280x900") as name:
        own = Screen(name)
        manager = subprocess.Popen(["openbox"], env=own.environment, stderr=subprocess.DEVNULL)
        try:
            yield own
        finally:
            end(manager)
