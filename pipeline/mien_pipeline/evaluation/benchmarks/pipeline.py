"""One swap with the embedded engine: whole, alone, and its memory."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image as PillowImage

from mien_core.program import command_for, windowless
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.evaluation.measures import Row, memory_added, ratio, seconds
from mien_pipeline.face import Face, Portrait
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.yunet import YuNet
from mien_pipeline.image import Floats, Image
from mien_pipeline.media.decode import decode
from mien_pipeline.media.encode import encode
from mien_pipeline.progress import ignore_step
from mien_pipeline.runtime import Runtime
from mien_pipeline.trust.authority import Authority

WIDTH, HEIGHT = 4000, 3000
CLOSE_UP = 116, 174, (168, 36)  # the part of a portrait that its face fills, and where it begins
CLOSE_UP_HEIGHT = 6000
# Target and reference: the demo's, which is natural at once, and one with glasses, of which a second attempt is made.
PLAIN, TRIED_TWICE = ("mona_lisa.jpg", "astronaut.png"), ("astronaut.png", "grace_hopper.jpg")


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as state:
        runtime = Runtime(store, Authority(Path(state)))
        whole, stages = _measure_swap(runtime, store, *PLAIN)
        twice, _ = _measure_swap(runtime, store, *TRIED_TWICE)
    yield Row("12-MP swap ÷ decode and encode of the same file", whole, "ratio", 2.2)
    yield Row("the same with a second attempt at its face", twice, "ratio")
    for name, taken in stages.items():
        yield Row(f"12-MP swap: {name}", taken * 1000, "ms")
    yield from mesh_alone(store, _read(store, "grace_hopper.jpg"))
    peak = memory_of_a_swap(store, photograph(store), _read(store, "grace_hopper.jpg"))
    yield Row("peak memory of a 12-MP swap ÷ its raw pixels", peak, "ratio", 8)


def _measure_swap(runtime: Runtime, store: ModelStore, target: str, reference: str) -> tuple[float, dict[str, float]]:
    """A warm swap by the decoding and encoding of its target, and the seconds of its stages."""
    photo, face = photograph(store, portrait=target), _read(store, reference)
    runtime.swap(photo, [face], MeshOptions())
    whole = ratio(lambda: runtime.swap(photo, [face], MeshOptions()), lambda: encode(decode(photo), "jpeg", b""))
    return whole, dict(runtime.swap(photo, [face], MeshOptions()).stages)


def _read(store: ModelStore, portrait: str) -> bytes:
    return store.path("demo-portraits", portrait).read_bytes()


def mesh_alone(store: ModelStore, reference: bytes) -> Iterator[Row]:
    """The engine on a face 512 px wide, its reference prepared, against the two mesh passes of one detection."""
    detector = MeshDetector(YuNet(store.read("face-detection")), store.read("face-mesh"))
    donor = decode(reference)
    likeness = ENGINES["mesh"].load(store).prepare([Portrait(donor, detector.detect(donor)[0])])
    portrait, close_up = (decode(each) for each in (photograph(store, 2900, 2900), photograph_close_up(store)))

    def render(image: Image, face: Face) -> None:
        likeness.render(image, face, MeshOptions(), ignore_step)

    face = detector.detect(portrait)[0]
    render_face = partial(render, portrait, face)
    passes = ratio(render_face, lambda: detector.refit(portrait, face))
    yield Row("mesh on a 512-px face ÷ two mesh passes", passes, "ratio", 8)
    yield Row("mesh on a 512-px face", seconds(render_face) * 1000, "ms")
    taken = seconds(partial(render, close_up, detector.detect(close_up)[0]))
    yield Row("24-MP close-up: generate, one attempt", taken, "s", 0.8)


def memory_of_a_swap(store: ModelStore, photo: bytes, reference: bytes) -> float:
    """What a swap of `photo` adds to a process whose networks are loaded, over the size of its raw RGB."""
    with tempfile.TemporaryDirectory() as folder:
        for name, data in {"photo": photo, "reference": reference}.items():
            (Path(folder) / name).write_bytes(data)
        command = [*command_for("bench-memory"), str(store.root), folder]
        answer = subprocess.run(command, check=True, capture_output=True, text=True, **windowless()).stdout
    return float(json.loads(answer)["added"]) / (WIDTH * HEIGHT * 3)


def photograph(store: ModelStore, width: int = WIDTH, height: int = HEIGHT, portrait: str = "astronaut.png") -> bytes:
    """A JPEG with one face of about a sixth of its height: a portrait enlarged, mirrored outwards, with grain."""
    with PillowImage.open(store.path("demo-portraits", portrait)) as whole:
        side = min(whole.size)
        square = whole.convert("RGB").crop((0, 0, side, side))
    enlarged = np.asarray(square.resize((height, height), PillowImage.Resampling.BICUBIC), np.float32)
    margin = (width - height) // 2
    return _take_with_grain(np.pad(enlarged, ((0, 0), (margin, width - height - margin), (0, 0)), mode="reflect"))


def photograph_close_up(store: ModelStore) -> bytes:
    """A JPEG of 24 MP that one face fills, 3,300 pixels wide: a part of a portrait enlarged, with grain."""
    width, height, (left, top) = CLOSE_UP
    with PillowImage.open(store.path("demo-portraits", "astronaut.png")) as whole:
        part = whole.convert("RGB").crop((left, top, left + width, top + height))
    size = CLOSE_UP_HEIGHT * width // height, CLOSE_UP_HEIGHT
    return _take_with_grain(np.asarray(part.resize(size, PillowImage.Resampling.BICUBIC), np.float32))


def _take_with_grain(picture: Floats) -> bytes:
    """A JPEG of (H, W, 3) RGB code values, as a camera would take it."""
    grain = np.random.default_rng(0).normal(0, 4, (*picture.shape[:2], 1))
    noisy = np.clip(picture + grain, 0, 255).astype(np.uint8)
    data = BytesIO()
    PillowImage.fromarray(noisy).save(data, "JPEG", quality=92)
    return data.getvalue()


def measure_memory(models: Path, folder: Path) -> None:
    """In a process of its own: swap something small, then the photograph, and say what the second one added."""
    runtime = Runtime(ModelStore(models, load_catalogue(), offline=True), Authority(folder))
    reference = (folder / "reference").read_bytes()
    runtime.swap(reference, [reference], MeshOptions())
    photo = (folder / "photo").read_bytes()
    added = memory_added(lambda: runtime.swap(photo, [reference], MeshOptions()))
    sys.stdout.write(json.dumps({"added": added}))


def main() -> None:
    """In a process of its own: the models folder and a folder with `photo` and `reference` are its arguments."""
    measure_memory(Path(sys.argv[1]), Path(sys.argv[2]))


if __name__ == "__main__":
    main()
