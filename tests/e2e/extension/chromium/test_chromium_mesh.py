"""The product whole: a right click in Chromium, the daemon, the mesh engine, and another face afterwards."""

from collections.abc import Callable
from typing import Any


def test_a_real_face_is_swapped_in_a_real_page(person: Any, swap_a_portrait: Callable[[Any, str], None]) -> None:
    swap_a_portrait(person, "/chromium-portrait")
