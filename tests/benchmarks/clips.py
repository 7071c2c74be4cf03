"""A clip: processor time and pictures a second, steadiness, likeness, memory, and what kills cost."""

import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image as PillowImage

from mien_models.store import ModelStore
from mien_pipeline.clip_options import ClipOptions
from mien_pipeline.clips.analysis import Analysis
from mien_pipeline.clips.orders import ANALYSIS
from mien_pipeline.clips.report import SwappedClip
from mien_pipeline.clips.tracks import require_mesh
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.evaluation.measures import Row
from mien_pipeline.faces.detectors import open_yunet
from mien_pipeline.faces.unroll import covered_texels, unroll
from mien_pipeline.image import Floats, Image, Pixels
from mien_pipeline.media.clip.encoders import choose_encoder
from mien_pipeline.media.clip.frames import read_frames, read_pictures, to_upright_rgb
from mien_pipeline.media.clip.probe import probe_clip
from mien_pipeline.media.clip.segment import EncoderSettings, write_segment
from mien_pipeline.media.decode import decode
from mien_pipeline.progress import Progress, ignore_progress
from mien_pipeline.runtime import Runtime
from mien_pipeline.swap_clip import open_target
from mien_pipeline.trust.authority import Authority
from mien_testing.clip_run import SEGMENT, swap_shortly
from mien_testing.clips import Recipe, list_packets, make_clip, move_portrait

FRAMES, SIZE = 150, (1280, 720)
PORTRAITS = ("astronaut.png", "grace_hopper.jpg", "mona_lisa.jpg")
ALIKE_FRAMES, ALIKE_SIZE, STILLS = 13, (640, 360), 5  # of which as many are swapped by themselves
KILLS, KILLED_FRAMES = 20, 120
TEXTURE_SIDE = 96


def rows(store: ModelStore) -> Iterator[Row]:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "state").mkdir(mode=0o700)
        reference = folder / "me.jpg"
        shutil.copyfile(store.path("demo-portraits", "grace_hopper.jpg"), reference)
        clip = write_clip(store, folder / "clip.mp4", SIZE, FRAMES)
        measured = Measured(store, folder, clip, reference)
        yield from measured.list_rows()
        yield from measured.compare_likeness(store, folder)
        yield from compare_workers(store, folder, clip, reference)
        yield compare_memory(store, folder, reference)
        yield from kill_often(store, folder, reference)


def write_clip(
    store: ModelStore, path: Path, size: tuple[int, int], frames: int, rate: int = 30, portrait_name: str = PORTRAITS[0]
) -> Path:
    """A portrait before a camera that pans, zooms and leans."""
    portrait = decode(store.path("demo-portraits", portrait_name).read_bytes()).pixels[:400]
    return make_clip(path, Recipe(size=size, times=tuple(range(frames)), rate=rate), move_portrait(portrait))


class Measured:
    """One clip swapped in this process, with all of its networks loaded."""

    def __init__(self, store: ModelStore, folder: Path, clip: Path, reference: Path) -> None:
        self.clip, self.made, self.face = probe_clip(clip), folder / "made.mp4", reference.read_bytes()
        self.runtime, self.follower = Runtime(store, Authority(folder / "state")), open_yunet(store)
        self.runtime.swap(picture_of(clip, 0), [self.face], MeshOptions())  # loads all, and prepares the reference
        self.analysis: Analysis | None = None
        target = open_target(clip, ClipOptions(), folder / "run", lambda make: make(self.made))

        def keep_analysis(at: Progress) -> None:
            if at.stage == "generate" and self.analysis is None:
                self.analysis = Analysis.load(folder / "run" / ANALYSIS)

        began = time.process_time()
        self.report: SwappedClip = self.runtime.swap_clip(target, [self.face], MeshOptions(), keep_analysis)
        self.cpu_ms = 1000 * (time.process_time() - began) / FRAMES

    def list_rows(self) -> Iterator[Row]:
        floor_ms = self.measure_floor()
        yield Row("720p, one face: CPU a picture beyond decode and encode", self.cpu_ms - floor_ms, "ms", 75)
        yield Row("720p, one face: CPU a picture of decode and encode alone", floor_ms, "ms")
        if self.analysis is None:
            raise RuntimeError("the run left no analysis")
        meshes = self.analysis.tracks[0].meshes
        own, made = (measure_flicker(path, meshes) for path in (self.clip.path, self.made))
        yield Row("flicker inside the face ÷ the clip's own", made / own, "ratio", 1.3)
        yield Row("jitter of the landmarks ÷ the clip's own", self.measure_jitter(meshes), "ratio", 0.3)

    def measure_floor(self) -> float:
        """CPU ms a picture of reading the clip twice, as a swap does, and of encoding it once."""
        settings = EncoderSettings(choose_encoder(self.clip, None), ClipOptions().quality)
        began = time.process_time()
        times = [when for when, _ in read_pictures(self.clip)]
        write_segment(self.made.with_suffix(".floor.mp4"), read_frames(self.clip, times), self.clip, settings)
        return 1000 * (time.process_time() - began) / FRAMES

    def measure_jitter(self, smoothed: Floats) -> float:
        """The second difference of the landmarks that are rendered, by that of those that are seen."""
        seen: list[Floats] = []
        for _, picture in read_pictures(self.clip):
            image = Image(to_upright_rgb(picture, self.clip))
            mesh = seen[-1] if seen else require_mesh(self.follower.detect(image)[0])
            seen.append(require_mesh(self.follower.follow(image, mesh)))
        own, kept = (float(np.abs(np.diff(each[:, :, :2], 2, axis=0)).mean()) for each in (np.stack(seen), smoothed))
        return kept / own

    def compare_likeness(self, store: ModelStore, folder: Path) -> Iterator[Row]:
        """Over each portrait as a clip with each other's face: one pair alone differs by .03 either way."""
        apart: list[list[float]] = []
        for number, (target, reference) in enumerate(permutations(PORTRAITS, 2)):
            clip = write_clip(store, folder / f"alike{number}.mp4", ALIKE_SIZE, ALIKE_FRAMES, portrait_name=target)
            face, run = store.path("demo-portraits", reference).read_bytes(), folder / f"alike{number}"
            opened = open_target(clip, ClipOptions(), run, lambda make: make(self.made.with_suffix(".alike.mp4")))
            identity = self.runtime.swap_clip(opened, [face], MeshOptions()).people[0].identity
            over_clip = identity.to_reference if identity else 0.0
            ways = MeshOptions(), MeshOptions().make_steady()
            apart.append([over_clip - self.swap_stills(clip, face, options) for options in ways])
        usual, steady = np.mean(apart, axis=0).tolist()
        yield Row("likeness over clips − over stills of them", usual, "likeness", -0.02, at_least=True)
        yield Row("likeness over clips − over stills that keep their eyes, as clips do", steady, "likeness")

    def swap_stills(self, clip: Path, face: bytes, options: MeshOptions) -> float:
        """The mean likeness of some of the clip's pictures, each swapped by itself."""
        found: list[float] = []
        for place in np.linspace(0, ALIKE_FRAMES - 1, STILLS).astype(int):
            identity = self.runtime.swap(picture_of(clip, place), [face], options).faces[0].identity
            found.append(identity.to_reference if identity else 0.0)
        return float(np.mean(found))


def picture_of(clip: Path, number: int) -> bytes:
    """One picture of the clip, as PNG."""
    import io

    info = probe_clip(clip)
    pixels = next(to_upright_rgb(each, info) for at, (_, each) in enumerate(read_pictures(info)) if at == number)
    out = io.BytesIO()
    PillowImage.fromarray(pixels).save(out, "PNG")
    return out.getvalue()


def measure_flicker(path: Path, meshes: Floats) -> float:
    """How much a face changes from picture to picture, in grey levels, at the same places of its texture."""
    clip, inside = probe_clip(path), covered_texels(TEXTURE_SIDE) > 0
    before: Floats | None = None
    changes: list[float] = []
    for mesh, (_, picture) in zip(meshes, read_pictures(clip), strict=True):
        luma: Pixels = np.ascontiguousarray(to_upright_rgb(picture, clip)[..., 1])
        now = unroll(luma, mesh, TEXTURE_SIDE).astype(np.float32)
        if before is not None:
            changes.append(float(np.abs(now - before)[inside].mean()))
        before = now
    return float(np.mean(changes))


def compare_workers(store: ModelStore, folder: Path, clip: Path, reference: Path) -> Iterator[Row]:
    """Pictures a second of the command: by turns, since other programs come and go."""
    seconds = {workers: run_command(store, folder, clip, reference, workers)[0] for workers in (1, 2)}
    yield Row("720p, one face: speed of two processes", FRAMES / seconds[2]["seconds"], "pictures/s", 18, at_least=True)
    generate = {workers: report["stages"]["generate"] for workers, report in seconds.items()}
    yield Row("720p, one face: rendering with two processes ÷ with one, by speed", generate[1] / generate[2], "ratio")


def run_command(
    store: ModelStore, folder: Path, clip: Path, reference: Path, workers: int
) -> tuple[dict[str, Any], int]:
    """The report of `mien swap`, and the most memory that its leading process had, in bytes."""
    words = ["swap", str(clip), "--face", str(reference), "-o", str(folder / "out.mp4"), "--workers", str(workers)]
    words += ["--basis", "self", "--adult", "--json", "--offline", "--restart"]
    words += ["--state-dir", str(folder / "state"), "--models-dir", str(store.root)]
    answer = folder / "answer.json"
    with answer.open("wb") as out:
        process = subprocess.Popen([sys.executable, "-m", "mien_cli", *words], stdout=out, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"mien swap ended with {process.returncode}: {answer.read_text()}")
    return json.loads(answer.read_bytes()), 1024 * used.ru_maxrss


def compare_memory(store: ModelStore, folder: Path, reference: Path) -> Row:
    """Peak memory over 60 s of small pictures, six a second, by that over 5 s."""
    most: list[int] = []
    for seconds in (5, 60):
        clip = write_clip(store, folder / f"{seconds}.mp4", (256, 192), 6 * seconds, 6)
        most.append(run_command(store, folder, clip, reference, 1)[1])
    return Row("peak memory over 60 s ÷ over 5 s", most[1] / most[0], "ratio", 1.1)


def kill_often(store: ModelStore, folder: Path, reference: Path) -> Iterator[Row]:
    """Kill a run of two processes at random moments, twenty times, and then let it finish."""
    clip = write_clip(store, folder / "kill.mp4", (160, 120), KILLED_FRAMES)
    run, out, plain = folder / "killed" / "run", folder / "killed.mp4", folder / "plain.mp4"
    run.parent.mkdir(mode=0o700)
    face = reference.read_bytes()
    swap_shortly(store, clip, face, folder / "whole", plain, ignore_progress)
    chance, lost = random.Random(1), list[float]()
    start = [sys.executable, "-m", "mien_testing.clip_run", *map(str, (store.root, clip, reference, run, out, 1))]
    for _ in range(KILLS):
        lost.append(kill_once(start, run, chance.randint(1, 2 * SEGMENT)))
    made = swap_shortly(store, clip, face, run, out, ignore_progress)
    same = list_packets(out, "video") == list_packets(plain, "video") and made.video.resumed
    yield Row(f"{KILLS} kills of two processes: segments lost a process, at most", max(lost) / 2, "segments", 1)
    yield Row(f"{KILLS} kills: the clip's packets are those of a whole run", float(same), "ratio", 1, at_least=True)


def kill_once(start: list[str], run: Path, pictures: int) -> float:
    """Begin the run, kill it when so many pictures more are made, and tell how many segments' worth of them is lost."""
    with subprocess.Popen(start, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as lead:
        if lead.stdout is None:
            raise RuntimeError("the run has no pipe")
        lead.stdout.readline()
        seen = [int(line) for line, _ in zip(lead.stdout, range(pictures), strict=False)]
        lead.kill()
        seen += [int(line) for line in lead.stdout]
    return (max(seen) - count_done(run)) / SEGMENT if seen else 0.0


def count_done(run: Path) -> int:
    """How many pictures are in segments that are on the disk with their rows."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(run / "journal.sqlite")) as journal:
        return sum(count for (count,) in journal.execute("SELECT count FROM segments"))
