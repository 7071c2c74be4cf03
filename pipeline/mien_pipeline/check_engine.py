"""`mien engines check`: is every file of an engine what it should be, and does every network of it compute.

Each file is hashed first; one that changed goes to quarantine, as with `mien models verify`. Then every network is
loaded alone, by the code that a swap loads it with, and computes once.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import psutil

from mien_core.errors import BrokenWeights, EngineUnavailable, GpuOutOfMemory, MienError
from mien_models.progress import OnPull, ignore_pull
from mien_models.store import ModelStore
from mien_pipeline.engines.entry import EngineEntry
from mien_pipeline.engines.probe import Probe, Tried
from mien_pipeline.engines.registry import ALWAYS, missing_models
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces.align import five_points
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.faces.topology import topology
from mien_pipeline.faces.yunet import YuNet
from mien_pipeline.image import Image
from mien_pipeline.media.decode import decode
from mien_pipeline.trust.content import OpenNsfw
from mien_pipeline.trust.watermark import Watermark

log = logging.getLogger(__name__)

# Of these the demo has portraits; networks are tried on one where they are installed.
PORTRAITS, PORTRAIT = "demo-portraits", "grace_hopper.jpg"
# Side of the made-up picture, and how much of it the made-up face spans.
SIDE, SPAN = 256, 0.55
# good: as it should be. wrong: it is not. missing: not installed. unverified: installed, and no source has vouched
# for it. not-run: this machine has no room for it.
State = Literal["good", "wrong", "missing", "unverified", "not-run"]
BAD: frozenset[State] = frozenset({"wrong", "missing"})


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one file, or of one network.

    Attributes:
        kind: "file" or "network".
        name: the file as "model/path", or the network.
        models: whose it is.
        state: see `State`.
        said: what is wrong and what to do, in a sentence; empty where all is well.
        seconds: that loading and computing took.
        held_bytes: that the network's values take in memory; 0 where that is not known.
    """

    kind: Literal["file", "network"]
    name: str
    models: tuple[str, ...]
    state: State
    said: str = ""
    seconds: float = 0.0
    held_bytes: int = 0


OnFinding = Callable[[Finding], None]


def ignore_finding(finding: Finding) -> None:
    """A listener that does nothing."""


def check_engine(
    entry: EngineEntry, store: ModelStore, on_finding: OnFinding = ignore_finding, on_verify: OnPull = ignore_pull
) -> list[Finding]:
    """Every file, then every network of an engine.

    Args:
        entry: the engine.
        store: where its weights are.
        on_finding: told of each as it is found.
        on_verify: told how far hashing is.

    Raises:
        EngineUnavailable: `libraries` are not installed.
        ModelNotInstalled, LicenceNotAccepted: none of the engine's own models is installed; fields as loading has them.
    """
    if missing := entry.missing_libraries:
        raise EngineUnavailable(f"{entry.name} needs {', '.join(missing)}", engine=entry.name, libraries=list(missing))
    if not any(store.folder.records.read(name) for name in _own_models(entry, store)):
        entry.check_weights(store)
    found: list[Finding] = []
    for one in _check(entry, store, on_verify):
        found.append(one)
        on_finding(one)
    return found


def _own_models(entry: EngineEntry, store: ModelStore) -> list[str]:
    """The models that this engine takes or may take beyond those of every swap."""
    named = {*entry.models, *(other for others in entry.instead.values() for other in others)}
    return [name for name, one in store.catalogue.models.items() if name in named or entry.name in one.needed_by]


def _check(entry: EngineEntry, store: ModelStore, on_verify: OnPull) -> Iterator[Finding]:
    here = [name for name in (*ALWAYS, *_own_models(entry, store)) if store.folder.records.read(name)]
    hashed = store.verify(here, on_verify)
    for verified in hashed:
        yield _judge_file(f"{verified.model}/{verified.file}", verified.model, verified.state)
    # Hashing leaves out what was missing, or set aside, before it.
    told = {(one.model, one.file) for one in hashed}
    for model in store.states([*dict.fromkeys([*here, *missing_models(entry.name, store)])]):
        for file in model.files:
            if file.state not in ("ready", "unverified") and (model.name, file.name) not in told:
                yield _judge_file(f"{model.name}/{file.name}", model.name, file.state)
    portrait = take_portrait(store)
    for probe in (*list_probes(store), *entry.list_probes(store)):
        yield try_probe(probe, store, portrait)


def _judge_file(name: str, model: str, state: str) -> Finding:
    again = f"`mien models pull {model}`"
    if state == "ready":
        return Finding("file", name, (model,), "good")
    if state == "unverified":
        said = f"No source has vouched for {name}; {again} asks its source."
        return Finding("file", name, (model,), "unverified", said)
    if state == "quarantined":
        said = (
            f"{name} is not the file that was installed: its digest differs. It was set aside; {again} gets it again."
        )
        return Finding("file", name, (model,), "wrong", said)
    return Finding("file", name, (model,), "missing", f"{name} is not installed; {again} gets it.")


def try_probe(probe: Probe, store: ModelStore, portrait: Portrait) -> Finding:
    """Load one network and have it compute, or say why that was not done."""
    try:
        for model in probe.models:
            store.path(model)
    except MienError as error:
        return Finding("network", probe.network, probe.models, "missing", f"{error}; so it was not loaded.")
    free = psutil.virtual_memory().available
    if probe.needed_bytes > free:
        said = f"It needs {probe.needed_bytes / (1 << 30):.1f} GiB, and {free / (1 << 30):.1f} GiB are free."
        return Finding("network", probe.network, probe.models, "not-run", said)
    began = time.perf_counter()
    try:
        tried = _require_finite(probe.run(portrait))
    except (GpuOutOfMemory, MemoryError) as error:
        return Finding("network", probe.network, probe.models, "not-run", f"There is too little free memory: {error}.")
    except MienError as error:
        return Finding("network", probe.network, probe.models, "wrong", _name_models(probe, str(error)))
    except Exception as error:  # a damaged file may raise anything in the library that reads it
        log.warning("%s cannot be tried", probe.network, exc_info=True)
        why = next(iter(str(error).splitlines()), type(error).__name__)
        said = f"it cannot be loaded, or computes nothing: {why}"
        return Finding("network", probe.network, probe.models, "wrong", _name_models(probe, said))
    seconds = time.perf_counter() - began
    return Finding("network", probe.network, probe.models, "good", seconds=seconds, held_bytes=tried.held_bytes)


def _name_models(probe: Probe, said: str) -> str:
    return f"{', '.join(probe.models)}: {said}."


def _require_finite(tried: Tried) -> Tried:
    if not all(np.isfinite(each).all() for each in tried.outputs):
        raise BrokenWeights("it computes values that are no numbers")
    return tried


def take_portrait(store: ModelStore) -> Portrait:
    """A face to try networks on: the demo's, with the mesh that is found on it; without these, a made-up one."""
    made_up = _make_portrait()
    try:
        image = decode((store.path(PORTRAITS) / PORTRAIT).read_bytes())
        found = MeshDetector(YuNet(store.read("face-detection")), store.read("face-mesh")).detect(image)
    except Exception:  # what is wrong with these networks is said where they are tried
        log.info("no face can be found on the demo's portrait", exc_info=True)
        return made_up
    return Portrait(image, found[0]) if found else made_up


def _make_portrait() -> Portrait:
    """The canonical mesh before a grey gradient."""
    points = topology().vertices
    low, high = points[:, :2].min(0), points[:, :2].max(0)
    scale = SPAN * SIDE / float((high - low).max())
    mesh = np.column_stack([(points[:, :2] - (low + high) / 2) * scale + SIDE / 2, points[:, 2] * scale])
    mesh = mesh.astype(np.float32)
    row = np.linspace(60, 190, SIDE).astype(np.uint8)
    pixels = np.repeat(np.broadcast_to(row, (SIDE, SIDE))[..., None], 3, 2)
    box = np.array([*mesh[:, :2].min(0), *mesh[:, :2].max(0)], np.float32)
    return Portrait(Image(np.ascontiguousarray(pixels)), Face(box, 0.9, five_points(mesh), mesh))


def list_probes(store: ModelStore) -> Sequence[Probe]:
    """The networks of every swap."""

    def detect(portrait: Portrait) -> Tried:
        detector = MeshDetector(YuNet(store.read("face-detection")), store.read("face-mesh"))
        faces = detector.detect(portrait.image)
        if _is_demo(portrait, store) and not faces:
            raise BrokenWeights("it finds no face in the demo's portrait")
        return Tried([np.asarray(face.kps, np.float32) for face in faces])

    def fit(portrait: Portrait) -> Tried:
        if portrait.face.mesh is None:
            raise ValueError("the portrait has no mesh")
        detector = MeshDetector(YuNet(store.read("face-detection")), store.read("face-mesh"))
        return Tried([np.asarray(detector.look_again(portrait.image, portrait.face.mesh), np.float32)])

    def recognise(portrait: Portrait) -> Tried:
        return Tried([DlibEmbedder(store.read("identity-score")).embed(portrait.image, portrait.face)])

    def check_content(_portrait: Portrait) -> Tried:
        OpenNsfw(store.path("content-check"))  # it proves itself
        return Tried([])

    def read_watermark(portrait: Portrait) -> Tried:
        reading = Watermark(store.path("watermark")).read(portrait.image.pixels)
        return Tried([np.array([reading.clearness], np.float32)])

    return (
        Probe("face-detection", ("face-detection", "face-mesh"), detect),
        Probe("face-mesh", ("face-detection", "face-mesh"), fit),
        Probe("identity-score", ("identity-score",), recognise),
        Probe("content-check", ("content-check",), check_content),
        Probe("watermark", ("watermark",), read_watermark),
    )


def _is_demo(portrait: Portrait, store: ModelStore) -> bool:
    return portrait.image.width != SIDE and store.is_installed(PORTRAITS)
