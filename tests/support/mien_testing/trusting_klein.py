"""A daemon whose `klein` sees a face wherever one is to be: random weights paint none. All else is the product's own.

`python -m mien_testing.trusting_klein STATE_DIR MODELS_DIR PORT`; `create_runtime` is what its worker makes.
The prompt is cut to 32 tokens: 512 would be most of the time.
"""

import asyncio
import sys
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mien_models.store import ModelStore
from mien_pipeline import runtime
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.faces.detect import MeshDetector, describe_face
from mien_pipeline.trust.authority import Authority

if TYPE_CHECKING:
    from mien_pipeline.engines.klein.engine import KleinEngine
    from mien_pipeline.face import Face, Mesh
    from mien_pipeline.image import Image

WORKER = "mien_testing.trusting_klein:create_runtime"
TEXT_TOKENS = 32


def trust(detector: MeshDetector) -> MeshDetector:
    """A detector that sees the face that it is to follow everywhere."""

    def follow(_image: "Image", mesh: "Mesh") -> "Face":
        return describe_face(mesh, 1.0)

    found = copy(detector)
    vars(found)["follow"] = follow
    return found


def load(weights: ModelStore) -> "KleinEngine":
    """What the registry loads in the place of the product's own."""
    from mien_pipeline.engines.klein import engine

    found = engine.load(weights)
    found.detector = trust(found.detector)
    found.stack.text.max_tokens = TEXT_TOKENS
    return found


def create_runtime(models: Path, state: Path, *, offline: bool, authority: Authority | None = None) -> runtime.Runtime:
    """The pipeline's own runtime with that engine."""
    vars(ENGINES)["_all"] = {**ENGINES, "klein": replace(ENGINES["klein"], module=__name__)}
    return runtime.create_runtime(models, state, offline=offline, authority=authority)


if __name__ == "__main__":
    from mien_daemon.config import Config
    from mien_daemon.server import serve

    folder, models_dir, port = sys.argv[1:]
    config = Config.load({"port": int(port)}, state_dir=folder, models_dir=models_dir)
    asyncio.run(serve(replace(config, worker=WORKER)))
