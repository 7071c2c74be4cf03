"""One swap of a small clip in short segments, with helpers: also as a program of its own, which a test kills."""

import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from mien_core.outputs import Exists, Output
from mien_daemon.worker.segment_helpers import set_up_helpers, start_helpers
from mien_models.catalogue.entries import load_catalogue
from mien_models.store import ModelStore
from mien_pipeline.clip_options import ClipOptions
from mien_pipeline.clips.report import SwappedClip
from mien_pipeline.clips.segments import SegmentHelper
from mien_pipeline.engines.mesh.options import MeshOptions
from mien_pipeline.progress import OnProgress, Progress
from mien_pipeline.runtime import Runtime
from mien_pipeline.swap_clip import open_target
from mien_pipeline.trust.authority import Authority

SEGMENT = 3


def swap_shortly(
    store: ModelStore,
    clip: Path,
    reference: bytes,
    run: Path,
    out: Path,
    on_progress: OnProgress,
    helpers: Sequence[SegmentHelper] = (),
) -> SwappedClip:
    """The clip swapped in segments of three pictures; `run` is the run's folder, beside which its state lies."""
    state = run.parent
    output = Output(out, Exists.REPLACE)
    target = open_target(clip, ClipOptions(), run, lambda make: output.make(make))
    target = replace(target, segment=SEGMENT, helpers=helpers)
    runtime = Runtime(store, Authority(state))
    return runtime.swap_clip(target, [reference], MeshOptions(), on_progress)


def main() -> None:
    """Print each finished picture's number as a line; arguments: models, clip, reference, run, out, helpers.

    With another argument, wait for a line on standard input after each: the run is no further than its reader knows.
    """
    models, clip, reference, run, out = (Path(word) for word in sys.argv[1:6])
    store, face = ModelStore(models, load_catalogue({}), offline=True), reference.read_bytes()

    def tell(at: Progress) -> None:
        if at.stage == "generate" and at.done:
            sys.stdout.write(f"{at.done}\n")
            sys.stdout.flush()
            if sys.argv[7:]:
                sys.stdin.readline()

    with ExitStack() as stack:
        helpers = stack.enter_context(start_helpers(int(sys.argv[6])))
        sys.stdout.write(json.dumps([helper.process.pid for helper in helpers]) + "\n")
        set_up_helpers(helpers, (models, run.parent), clip, run, [[face]], {"engine": "mesh"})
        swap_shortly(store, clip, face, run, out, tell, helpers)


if __name__ == "__main__":
    main()
