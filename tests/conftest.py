"""What tests of every part share: the starter models, fetched once into the checkout as a person's first run would."""

import os
from pathlib import Path

import pytest

from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore

pytest_plugins = ["mien_testing.daemon", "mien_testing.network", "mien_testing.marks", "mien_testing.faults"]

# What is shipped is built first, which takes minutes: `nox -s shipped`.
collect_ignore = [] if "MIEN_SHIPPED" in os.environ else ["shipped"]

MODELS = Path(__file__).parents[1] / ".models"


def pytest_configure() -> None:
    """No test touches the secret store of the person who runs it, in this process or in a child."""
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"


# What has a screen or a browser with an event loop of its own, which stays: no test of a coroutine may follow it.
SCREENS = ("tests/e2e/console", "tests/e2e/tray", "tests/e2e/extension")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Share the files among the processes; everything that has a screen runs last, in one process.

    A file's tests stay together: some begin a job that others look at later.
    """

    def place_last(item: pytest.Item) -> int:
        return next((place for place, part in enumerate(SCREENS, 1) if item.nodeid.startswith(part)), 0)

    for item in items:
        group = "screens" if place_last(item) else item.nodeid.partition("::")[0]
        item.add_marker(pytest.mark.xdist_group(group))
    items.sort(key=place_last)


@pytest.fixture(scope="session")
def models() -> ModelStore:
    """The starter models, fetched by the product itself when they are not there yet."""
    store = ModelStore(MODELS, load_catalogue({}))
    if store.missing(["starter"]):
        store.pull(["starter"])
    return store
