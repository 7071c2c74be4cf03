"""Who may import whom, as the READMEs promise; read from the source, so that nothing has to be imported to know."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {
    "mien_pipeline": ROOT / "pipeline/mien_pipeline",
    "mien_daemon": ROOT / "daemon/mien_daemon",
    "mien_tray": ROOT / "tray/mien_tray",
}
HEAVY = {"torch", "cv2", "insightface", "diffusers", "transformers", "onnxruntime", "dlib", "_dlib_pybind11"}

# What the daemon's front process is made of may know these parts of the pipeline and no others.
# `pictures` reads headers with Pillow alone: bombs are refused when they arrive, not when a worker meets them;
# `trust.keys` is the secret store, where the reference library's master key lies too; `trust.traces` keeps core
# dumps off; `trust.metadata` is what a result says of itself in plain words, and so does a preview of it.
FRONT_MAY_KNOW = (
    "mien_pipeline.errors",
    "mien_pipeline.options",
    "mien_pipeline.types",
    "mien_pipeline.models",
    "mien_pipeline.pictures",
    "mien_pipeline.files",
    "mien_pipeline.egress",
    "mien_pipeline.trust.keys",
    "mien_pipeline.trust.metadata",
    "mien_pipeline.trust.traces",
)
# Tables that say what there is and load none of it.
FRONT_MAY_READ = {
    *(f"mien_pipeline.engines{name}" for name in ("", ".ENGINES", ".EngineEntry", ".missing_models", ".needed_models")),
    "mien_pipeline.device",
    "mien_pipeline.device.device_name",
}
# These run in the worker, or in the command line's own process when a person asks for `--local`.
RUNS_ENGINES = ("mien_daemon.worker.process", "mien_daemon.commands")


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in PACKAGES.items():
        for path in sorted(folder.rglob("*.py")):
            parts = path.relative_to(folder).with_suffix("").parts
            yield ".".join([package, *(part for part in parts if part != "__init__")]), path


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def top_level_imports(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    found: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            found.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def within(name: str, *parents: str) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


MODULES = list(modules())


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_every_module_imports_only_what_its_place_allows(name: str, path: Path) -> None:
    """pipeline ← daemon ← tray, engines never one another, the front process never the engines."""
    ours = {module for module in imports(path) if module.startswith("mien_")}
    forbidden: set[str] = set()
    if within(name, "mien_pipeline"):
        forbidden |= {module for module in ours if not within(module, "mien_pipeline")}
    if within(name, "mien_pipeline.models"):
        forbidden |= {module for module in ours if not within(module, "mien_pipeline.models", "mien_pipeline.errors")}
    if name in {"mien_pipeline.types", "mien_pipeline.errors"}:
        forbidden |= {module for module in ours if not within(module, "mien_pipeline.types", "mien_pipeline.errors")}
    if within(name, "mien_pipeline.engines") and name != "mien_pipeline.engines":
        others = {path.stem for path in (PACKAGES["mien_pipeline"] / "engines").iterdir()} - {name.split(".")[2]}
        forbidden |= {
            module for module in ours if within(module, *(f"mien_pipeline.engines.{other}" for other in others))
        }
    if within(name, "mien_pipeline.stages"):
        forbidden |= {module for module in ours if within(module, "mien_pipeline.engines", "mien_pipeline.restorers")}
    if within(name, "mien_daemon") and not within(name, *RUNS_ENGINES):
        forbidden |= {
            module
            for module in ours
            if within(module, "mien_pipeline")
            and module not in {"mien_pipeline", *FRONT_MAY_READ}
            and not within(module, *FRONT_MAY_KNOW)
        }
    if within(name, "mien_tray"):
        forbidden |= {module for module in ours if within(module, "mien_pipeline")}
    assert not forbidden


@pytest.mark.parametrize(("name", "path"), MODULES, ids=[name for name, _ in MODULES])
def test_heavy_libraries_are_named_only_where_pictures_are_made(name: str, path: Path) -> None:
    """Everything the front process and the light parts of the pipeline load stays free of cv2 and torch."""
    if within(name, "mien_daemon", "mien_tray", "mien_pipeline.models", "mien_pipeline.types", "mien_pipeline.errors"):
        heavy = {module.split(".")[0] for module in imports(path)} & HEAVY
        assert not heavy or name == "mien_pipeline.models.convert"


def test_engine_and_restorer_tables_load_nothing() -> None:
    """`mien engines` and `--help` are quick because the tables import on demand."""
    for package in ("engines", "restorers"):
        assert not top_level_imports(PACKAGES["mien_pipeline"] / package / "__init__.py") & HEAVY


def test_the_front_process_never_loads_a_heavy_library() -> None:
    """Imported for real, in a fresh interpreter."""
    code = f"import sys, mien_daemon.app; sys.exit(', '.join(sorted({HEAVY!r} & set(sys.modules))) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
