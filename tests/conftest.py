"""What tests of every part share: the starter models, fetched once into the checkout as a person's first run would."""

import os
import signal
from pathlib import Path

import hypothesis
import pytest
from hypothesis.internal.conjecture import providers
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from mien_core.threads import set_threads
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore

pytest_plugins = ["mien_testing.daemon", "mien_testing.network", "mien_testing.marks", "mien_testing.faults"]

# What is shipped is built first, which takes minutes: `nox -s shipped`.
collect_ignore = [] if "MIEN_SHIPPED" in os.environ else ["shipped"]

MODELS = Path(__file__).parents[1] / ".models"

set_threads()  # as `mien` does before it loads anything: bytes from here and from a worker are compared

# The same examples on every run, and no limit of time. `--hypothesis-profile=default` looks for more.
hypothesis.settings.register_profile(
    "same", derandomize=True, database=None, deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow]
)
hypothesis.settings.load_profile("same")
# Nor do they depend on the constants in whatever modules are loaded by then, which differ from process to process.
setattr(providers, "_get_local_constants", lambda: vars(providers)["_local_constants"])  # noqa: B010 it is private


def pytest_configure() -> None:
    """No test touches the secret store of the person who runs it, in this process or in a child."""
    os.environ["PYTHON_KEYRING_BACKEND"] = "keyring.backends.fail.Keyring"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell has what it starts in the background ignore Ctrl-C, with all children, whom some tests interrupt.
        signal.signal(signal.SIGINT, signal.default_int_handler)


# What has a screen, in this order at the end. A browser with the extension is driven by an event loop of its own, which
# stays: no test of a coroutine may follow it in its process.
SCREENS = ("tests/e2e/console", "tests/e2e/tray", "tests/e2e/extension")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run everything that has a screen last."""
    items.sort(key=lambda item: next((at for at, part in enumerate(SCREENS, 1) if item.nodeid.startswith(part)), 0))


class FilesTogether(LoadScopeScheduling):
    """Gives each process whole files, and everything with one kind of screen to one of them.

    Some tests begin a job that later ones of their file look at. `--dist=loadgroup` would do it, but pytest-xdist 3.8
    changes an attribute that pytest 9 no longer reads.
    """

    def _split_scope(self, nodeid: str) -> str:
        return next((part for part in SCREENS if nodeid.startswith(part)), nodeid.partition("::")[0])


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> FilesTogether:
    return FilesTogether(config, log)


@pytest.fixture(scope="session")
def models() -> ModelStore:
    """The starter models, fetched by the product itself when they are not there yet."""
    store = ModelStore(MODELS, load_catalogue({}))
    if store.missing(["starter"]):
        store.pull(["starter"])
    return store
