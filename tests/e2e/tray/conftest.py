"""One screen for all tests of the tray, and for each a desk of its own with a panel on it."""

from collections.abc import Generator

import pytest

from mien_testing.desktop import Desk, open_desk, open_display
from mien_testing.panel import Panel


@pytest.fixture(scope="session")
def screen() -> Generator[str]:
    with open_display() as display:
        yield display


@pytest.fixture
def desk(screen: str) -> Generator[Desk]:
    with open_desk(screen) as made:
        yield made


@pytest.fixture
def panel(desk: Desk) -> Generator[Panel]:
    made = Panel(desk.environ["DBUS_SESSION_BUS_ADDRESS"])
    yield made
    made.close()
