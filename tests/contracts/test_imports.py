"""Who may import whom; read from the source, so that nothing has to be imported to know.

mien_core ← mien_models ← mien_pipeline ← mien_daemon ← mien_cli
mien_core ← mien_api ← mien_daemon, mien_cli, mien_tray

The daemon imports neither the tray nor the command line. Nothing imports in a circle.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
HEAVY = {"av", "torch", "cv2", "insightface", "diffusers", "transformers", "onnxruntime", "dlib", "_dlib_pybind11"}

FOLDERS = {
    "mien_core": "pipeline",
    "mien_models": "pipeline",
    "mien_pipeline": "pipeline",
    "mien_api": "daemon",
    "mien_daemon": "daemon",
    "mien_cli": "daemon",
    "mien_tray": "tray",
}
# Which packages each package may import beside itself.
PACKAGES = {
    "mien_core": (),
    "mien_models": ("mien_core",),
    "mien_pipeline": ("mien_core", "mien_models"),
    "mien_api": ("mien_core",),
    "mien_daemon": ("mien_core", "mien_models", "mien_pipeline", "mien_api"),
    "mien_cli": ("mien_core", "mien_models", "mien_pipeline", "mien_api", "mien_daemon"),
    "mien_tray": ("mien_core", "mien_api"),
}
# Modules that may import more than their package: the tray's command is one of `mien`'s commands.
ALSO = {"mien_tray.command": ("mien_cli",)}

P = "mien_pipeline"
VALUES = tuple(
    f"{P}.{module}" for module in ("image", "face", "choice_report", "report", "progress", "options", "clip_options")
)
MACHINE = (f"{P}.device", f"{P}.accelerator", f"{P}.memory_limits")
PARTS = (*VALUES, f"{P}.protocols")
# Inside the pipeline: what each room may import beside itself.
ROOMS = {
    **dict.fromkeys(VALUES, VALUES),
    f"{P}.protocols": (*VALUES, f"{P}.memory_limits"),
    f"{P}.media": PARTS,
    f"{P}.faces": (*PARTS, f"{P}.media", f"{P}.onnx_network"),
    f"{P}.skin": (*PARTS, f"{P}.media", f"{P}.faces"),
    f"{P}.engines.entry": (*PARTS, f"{P}.engines.probe"),
    f"{P}.engines.probe": PARTS,
    f"{P}.engines.registry": (*PARTS, f"{P}.engines.entry", f"{P}.engines.onnx.entry"),
    f"{P}.engines.readiness": (
        *PARTS,
        *(f"{P}.engines.{module}" for module in ("entry", "fitness", "registry")),
        *(f"{P}.{room}" for room in ("accelerator", "restorers.rows", "masks.rows")),
    ),
    f"{P}.engines.fitness": (
        *PARTS,
        *(f"{P}.{room}" for room in ("accelerator", "plan", "engines.entry", "engines.registry", "engines.flux.offer")),
    ),
    f"{P}.choice": (
        *PARTS,
        *(f"{P}.{room}" for room in ("accelerator", "engines.entry", "engines.registry", "engines.fitness")),
    ),
    f"{P}.engines.mesh": (*PARTS, f"{P}.engines.entry", f"{P}.engines.probe", f"{P}.media", f"{P}.faces", f"{P}.skin"),
    f"{P}.engines.onnx": (
        *PARTS,
        f"{P}.engines.entry",
        f"{P}.engines.probe",
        f"{P}.media",
        f"{P}.faces",
        f"{P}.skin",
        f"{P}.onnx_network",
        f"{P}.onnx_file",
    ),
    f"{P}.engines.diffusion": (
        *PARTS,
        *(
            f"{P}.{room}"
            for room in ("media", "faces", "skin", "device", "memory_limits", "plan", "sampling", "onnx_network")
        ),
    ),
    f"{P}.engines.flux": (
        *PARTS,
        *(
            f"{P}.{room}"
            for room in (
                *("media", "faces", "skin", "device", "accelerator", "memory_limits", "plan", "sampling"),
                *("onnx_network", "engines.entry", "engines.probe", "engines.diffusion"),
            )
        ),
    ),
    f"{P}.engines.klein": (
        *PARTS,
        *(
            f"{P}.{room}"
            for room in (
                *("media", "faces", "skin", "device", "memory_limits", "plan", "sampling"),
                *("engines.entry", "engines.probe", "engines.diffusion"),
            )
        ),
    ),
    f"{P}.row_state": (),
    f"{P}.restorers": (*PARTS, *(f"{P}.{room}" for room in ("media", "faces", "skin", "onnx_file", "row_state"))),
    f"{P}.masks": (*PARTS, f"{P}.faces", f"{P}.onnx_file", f"{P}.row_state"),
    f"{P}.trust": (*PARTS, f"{P}.media"),
    f"{P}.sampling": VALUES,
    f"{P}.plan": (),
    f"{P}.device": (f"{P}.plan",),
    **dict.fromkeys(MACHINE[1:], (f"{P}.plan", *MACHINE)),
    f"{P}.onnx_network": VALUES,
    f"{P}.onnx_file": (*PARTS, f"{P}.onnx_network"),
    f"{P}.attempt": (*PARTS, f"{P}.doubt", f"{P}.skin"),
    f"{P}.groups": PARTS,
    f"{P}.doubt": (*PARTS, f"{P}.skin"),
    f"{P}.swap_image": (*PARTS, f"{P}.attempt", f"{P}.doubt", f"{P}.groups", f"{P}.media", f"{P}.faces", f"{P}.skin"),
    f"{P}.clips": (*PARTS, *(f"{P}.{room}" for room in ("media", "faces", "skin", "trust", "swap_image"))),
    f"{P}.restore_image": (*PARTS, f"{P}.swap_image"),
    f"{P}.option_parts": (
        *VALUES,
        *(f"{P}.{module}" for module in ("faces.insightface_files", "restorers.rows", "masks.rows")),
    ),
}

# The daemon's front process may know these parts of the pipeline and no others: values, tables and headers.
# `media.probe` reads headers with Pillow alone: bombs are refused when they arrive, not when a worker meets them;
# `media.metadata` is what a result says of itself in plain words, and so does a preview of it.
FRONT_MAY_KNOW = (
    f"{P}.options",
    f"{P}.clip_options",
    f"{P}.option_parts",
    f"{P}.choice.choose",
    f"{P}.media.kinds",
    f"{P}.media.probe",
    f"{P}.media.metadata",
    f"{P}.progress",
    f"{P}.engines.registry",
    f"{P}.engines.readiness",
    f"{P}.restorers.rows",
    f"{P}.masks.rows",
    f"{P}.device",
)
# The process that makes previews is another one. It shows colours as the pipeline sees them, with Pillow and numpy.
PREVIEW, PREVIEW_START = "mien_daemon.pictures.preview_process", "mien_daemon.pictures.preview_start"
PREVIEW_MAY_KNOW = (
    *(f"{P}.media.{module}" for module in ("previews", "clip.animated", "clip.encoders", "clip.probe")),
)
# These run in the worker, or in the processes that render one clip together.
WORKER = ("runner", "runtime", "clips", "segment_helpers", "segment_process", "thumbnail")
RUNS_ENGINES = tuple(f"mien_daemon.worker.{name}" for name in WORKER)


def modules() -> Iterator[tuple[str, Path]]:
    for package, folder in FOLDERS.items():
        for path in sorted((ROOT / folder / package).rglob("*.py")):
            parts = path.relative_to(ROOT / folder).with_suffix("").parts
            yield ".".join(part for part in parts if part != "__init__"), path


MODULES = dict(modules())


def imports(path: Path) -> set[str]:
    """Every module that a file imports, wherever in the file; a name of a module counts as that module."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                found.add(full if full in MODULES else node.module)
    return found


IMPORTS = {name: imports(path) for name, path in MODULES.items()}


def within(name: str, parents: Iterable[str]) -> bool:
    return any(name == parent or name.startswith(parent + ".") for parent in parents)


def room_of(name: str) -> str | None:
    """The most specific room of `ROOMS` that a module lies in."""
    return max((room for room in ROOMS if within(name, [room])), key=len, default=None)


@pytest.mark.parametrize("name", MODULES)
def test_every_module_imports_only_what_its_place_allows(name: str) -> None:
    ours = {module for module in IMPORTS[name] if module.startswith("mien_")}
    package = name.partition(".")[0]
    allowed = [package, *PACKAGES[package], *ALSO.get(name, ())]
    assert not {module for module in ours if not within(module, allowed)}
    if room := room_of(name):
        allowed = [room, *ROOMS[room]]
        assert not {module for module in ours if within(module, [P]) and not within(module, allowed)}
    if package == "mien_daemon" and not within(name, RUNS_ENGINES):
        allowed = [P + ".options", *FRONT_MAY_KNOW, *(PREVIEW_MAY_KNOW if name == PREVIEW else ())]
        assert not {module for module in ours if within(module, [P]) and not within(module, allowed)}
        assert PREVIEW not in ours or name == PREVIEW_START, "the front process starts it and imports nothing of it"


@pytest.mark.parametrize("name", MODULES)
def test_heavy_libraries_are_named_only_where_pictures_are_made(name: str) -> None:
    """Everything that the front process loads stays free of cv2 and torch."""
    light = within(name, ["mien_core", "mien_models", "mien_api", "mien_daemon", "mien_cli", "mien_tray", *PARTS])
    if light and name != "mien_models.local.convert":
        assert not {module.partition(".")[0] for module in IMPORTS[name]} & HEAVY


def circle_in(graph: Mapping[str, Iterable[str]]) -> list[str]:
    """One circle of a graph, or nothing."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_module_imports_in_a_circle() -> None:
    assert not circle_in({name: found & MODULES.keys() - {name} for name, found in IMPORTS.items()})


def drawer(name: str) -> str:
    """The room of a module: its folder, or the module itself where it lies at the top of its package."""
    parts = name.split(".")
    path = MODULES[name]
    return ".".join(parts[:2]) if len(parts) > 2 or path.name == "__init__.py" else name


@pytest.mark.parametrize("package", FOLDERS)
def test_no_room_imports_in_a_circle(package: str) -> None:
    """The rooms of a package can be read from the bottom up."""
    graph: dict[str, set[str]] = {}
    for name in MODULES:
        if within(name, [package]) and name != package:
            found = {module for module in IMPORTS[name] & MODULES.keys() if within(module, [package])} - {package}
            graph.setdefault(drawer(name), set()).update(drawer(module) for module in found)
    assert not circle_in({room: found - {room} for room, found in graph.items()})


@pytest.mark.parametrize("folder", ["daemon/mien_daemon/console", "extension"])
def test_no_script_imports_in_a_circle(folder: str) -> None:
    graph: dict[str, set[str]] = {}
    for path in (ROOT / folder).rglob("*.js"):
        text = path.read_text(encoding="utf-8")
        found = re.findall(r"^\s*(?:import|export)\b[^;'\"]*?['\"](\.[^'\"]+)['\"]", text, re.MULTILINE)
        graph[str(path)] = {str((path.parent / name).resolve()) for name in found}
    assert any(graph.values())
    assert not circle_in(graph)


def test_the_front_process_never_loads_a_heavy_library() -> None:
    """Imported for real, in a fresh interpreter. Ciphers are nine megabytes that it takes when it is asked for them."""
    unwanted = HEAVY | {"cryptography"}
    code = f"import sys, mien_daemon.server; sys.exit(', '.join(sorted({unwanted!r} & set(sys.modules))) or 0)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
