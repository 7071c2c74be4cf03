"""The suites of the benchmark: those of this package, and those of a folder of source that needs more than it."""

import importlib
import importlib.util
import pkgutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, cast

from mien_core.errors import InvalidOptions
from mien_pipeline.evaluation import benchmarks
from mien_pipeline.evaluation.measures import Row

if TYPE_CHECKING:
    from mien_models.store import ModelStore


@dataclass(frozen=True, slots=True)
class Suite:
    """One file of measurements. Nothing of it is imported before it is wanted."""

    name: str
    load: Callable[[], ModuleType]

    def rows(self, store: "ModelStore") -> Iterator[Row]:
        """Its figures, one after another, as they are measured.

        Raises:
            InvalidOptions: it needs a library that is not installed; `field` is "suite", `library` its name.
        """
        try:
            module = self.load()
        except ModuleNotFoundError as error:
            raise InvalidOptions(f"{self.name} needs {error.name}", field="suite", library=error.name) from error
        return cast("Iterator[Row]", module.rows(store))


def find_suites(folder: Path | None = None) -> dict[str, Suite]:
    """Every suite by name: the benchmarks of this package, and each file of `folder` where there is one."""
    names = [module.name for module in pkgutil.iter_modules(benchmarks.__path__)]
    found = {name: Suite(name, partial(importlib.import_module, f"{benchmarks.__name__}.{name}")) for name in names}
    if folder is not None:
        found |= {path.stem: Suite(path.stem, partial(load_file, path)) for path in folder.glob("*.py")}
    return dict(sorted(found.items()))


def choose_suites(chosen: Sequence[str] | None, found: dict[str, Suite]) -> list[Suite]:
    """The suites that were named, in that order; all of them when none was.

    Raises:
        InvalidOptions: there is none of a name; `known` are those there are.
    """
    for name in chosen or ():
        if name not in found:
            raise InvalidOptions(f"there is no benchmark called {name!r} here", field="suite", known=list(found))
    return [found[name] for name in chosen or found]


def load_file(path: Path) -> ModuleType:
    """The module in a file that is part of no package."""
    spec = importlib.util.spec_from_file_location(f"mien_benchmark_{path.stem}", path)
    if spec is None or spec.loader is None:
        raise InvalidOptions(f"{path.name} cannot be loaded", field="suite")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
