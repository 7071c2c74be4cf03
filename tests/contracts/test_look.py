"""Console, extension, tray and installers are one product to the eye: one mark, one accent, the same greys."""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import PIL.Image
import PIL.ImageChops
import pytest

ROOT = Path(__file__).parents[2]
CONSOLE = (ROOT / "daemon/mien_daemon/console/console.css").read_text(encoding="utf-8")
EXTENSION = (ROOT / "extension/ui/theme.css").read_text(encoding="utf-8")
OVERLAY = (ROOT / "extension/src/content/style.js").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def icons() -> ModuleType:
    """`installers/icons.py`, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("icons", ROOT / "installers/icons.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_committed_icons_are_the_ones_that_the_script_draws(icons: ModuleType, tmp_path: Path) -> None:
    for folder in ("extension/icons", "daemon/mien_daemon/console"):
        (tmp_path / folder).mkdir(parents=True)
    icons.write_committed(tmp_path)
    vector = "daemon/mien_daemon/console/mien.svg"
    assert (tmp_path / vector).read_text(encoding="utf-8") == (ROOT / vector).read_text(encoding="utf-8")
    for side in icons.EXTENSION_SIDES:
        drawn, committed = (PIL.Image.open(at / f"extension/icons/{side}.png") for at in (tmp_path, ROOT))
        assert (committed.size, committed.mode) == ((side, side), "RGBA")
        difference = PIL.ImageChops.difference(drawn, committed)
        assert max(difference.tobytes()) <= 2, f"{side} px"


def test_the_extension_has_the_colours_of_the_console_in_both_themes() -> None:
    light, dark = console_colours()
    pairs = dict(re.findall(r"--([\w-]+): light-dark\((.+?)\)", EXTENSION))
    assert {"accent", "bg", "panel", "text", "muted", "good", "bad"} <= set(pairs)
    for name, pair in pairs.items():
        assert pair == f"{light[name]}, {dark[name]}", name


def test_what_lies_over_a_picture_is_dark_and_has_the_dark_accent() -> None:
    light, dark = console_colours()
    accents = set(re.findall(r"(?:stroke|solid|3px) (#[0-9a-f]{6})|stroke: (#[0-9a-f]{6})", OVERLAY))
    assert {one or other for one, other in accents} == {dark["accent"]}
    badge = (ROOT / "extension/src/badge.js").read_text(encoding="utf-8")
    assert f'color: "{light["accent"]}"' in badge


def console_colours() -> tuple[dict[str, str], dict[str, str]]:
    """Name → hexadecimal value: of the light theme, of the dark one."""
    blocks = re.findall(r":root[^{]*\{([^}]*)\}", CONSOLE)
    light, preferred, chosen = (dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", block)) for block in blocks[:3])
    assert preferred == chosen
    return light, preferred
