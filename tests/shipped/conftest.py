"""The real packages, as `nox -s shipped` built them, tried where nothing of a developer's machine is."""

import json
from collections.abc import Iterator

import pytest

from mien_models.store import ModelStore
from mien_testing.bare_root import BareRoot
from mien_testing.shipped import BUILT, USER, Story, install, purge, serve, use


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BareRoot]:
    bare = BareRoot(BUILT / "root", tmp_path_factory.mktemp("bare") / "root")
    yield bare
    bare.close()


@pytest.fixture(scope="session")
def story(root: BareRoot, models: ModelStore, record_figures: dict[str, float]) -> Story:
    """Install, swap, ask, serve, purge; in this order, because that is what happens to a package."""
    seen = Story()
    root.run("useradd", "--create-home", USER)
    before = root.files()
    install(root, seen)
    use(root, seen)
    serve(root, seen, models)
    purge(root, seen, before)
    record_figures.update({**seen.seconds, "installed MB": seen.installed_bytes / 1e6, "daemon idle MB": seen.idle_mb})
    return seen


@pytest.fixture(scope="session")
def record_figures() -> Iterator[dict[str, float]]:
    """Figures that the run found, written beside the packages for the installers' README."""
    figures: dict[str, float] = {}
    yield figures
    for path in sorted((BUILT / "out").glob("*.deb")):
        figures[f"{path.suffix} MB"] = path.stat().st_size / 1e6
    (BUILT / "figures.json").write_text(json.dumps(figures, indent=1), encoding="utf-8")
