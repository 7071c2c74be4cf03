"""FLUX.2 [klein] 4B: the target and the reference are pictures that the model reads while it makes a third."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import torch
from torch import Tensor

from mien_core.errors import GpuOutOfMemory
from mien_models.store import ModelStore
from mien_pipeline.device import choose_device, installed_memory, name_out_of_memory
from mien_pipeline.engines.diffusion import drift
from mien_pipeline.engines.diffusion.gate import IdentityGate, load_scorer
from mien_pipeline.engines.diffusion.latents import decode, decode_small, encode
from mien_pipeline.engines.diffusion.memory_steps import MemorySteps
from mien_pipeline.engines.diffusion.shown_steps import ShownSteps, ignore_latents
from mien_pipeline.engines.diffusion.target import Cut, extract, mask_for, patch
from mien_pipeline.engines.klein.canvas import canvas_for
from mien_pipeline.engines.klein.components import most_pictures
from mien_pipeline.engines.klein.files import LORAS, TEXT, TRANSFORMERS, find_files, models_used, transformer_of
from mien_pipeline.engines.klein.options import KleinOptions
from mien_pipeline.engines.klein.plan import plan_memory
from mien_pipeline.engines.klein.reference_picture import draw_reference
from mien_pipeline.engines.klein.registration import Registration, face_on_target, mesh_to_working, move, register
from mien_pipeline.engines.klein.retries import plan_tries
from mien_pipeline.engines.klein.schedule import schedule
from mien_pipeline.engines.klein.stack import Stack
from mien_pipeline.engines.klein.stitch import stitch
from mien_pipeline.engines.klein.text import DEFAULT_PROMPT, PromptFolder
from mien_pipeline.engines.klein.velocity import KleinVelocity, ReadPicture
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.faces.clarity import sort_by_clarity
from mien_pipeline.faces.detect import MeshDetector
from mien_pipeline.faces.detectors import open_yunet
from mien_pipeline.image import Image, Pixels
from mien_pipeline.memory_limits import MemoryLimits
from mien_pipeline.options import SwapOptions, require_options
from mien_pipeline.plan.placement import DEFAULT_SIDE
from mien_pipeline.progress import OnStep, never_backwards
from mien_pipeline.protocols import FaceEmbedder, OnPatch
from mien_pipeline.report import IdentityScores, ModelUse, SwapWarning
from mien_pipeline.sampling import denoise, noise_like

# A narrower face covers only a few tokens of the target, and is enlarged.
SMALL_FACE_PX = 64
# Further pictures of a person add tokens, and time with their square.
MOST_REFERENCES = 3
PROMPTS = "prompts"
# Side of what a step is decoded at: a quarter of the pixels takes a quarter of the room, which between two steps is
# less than what the transformer's activations leave free.
SHOWN_PX = 512


def load(weights: ModelStore) -> "KleinEngine":
    """The engine on this machine's best device.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: `models`, `files` and `command` say what to do.
        NotEnoughMemory: nothing has been loaded yet; `plan` and `would_fit` say what is possible.
        EngineUnavailable: there is only a processor, or a library that the memory plan needs is missing.
    """
    files, device = find_files(weights), choose_device()
    plan = plan_memory(files, device, DEFAULT_SIDE, installed_memory())
    models = models_used(weights, files)
    digest = "".join(model.sha256 for model in models if model.name.startswith(TEXT))
    stack = Stack(weights, files, device, plan, digest)
    return KleinEngine(stack, open_yunet(weights), models, load_scorer(weights))


class KleinEngine:
    """FLUX.2 [klein]. A network is loaded when it is first needed, and kept with the engine."""

    name = "klein"

    def __init__(
        self,
        stack: Stack,
        detector: MeshDetector,
        models: Sequence[ModelUse] = (),
        scorer: FaceEmbedder | None = None,
    ) -> None:
        self.stack = stack
        self.detector = detector
        self.scorer = scorer
        self._models = models
        self.steps = MemorySteps("klein", stack)
        self.shown = ShownSteps()

    @property
    def models(self) -> Sequence[ModelUse]:
        """Every weight file that is used: the transformer of the memory plan, and the LoRA if the last walk took it."""
        taken = transformer_of(self.stack.files, self.stack.plan.of("transformer").form)
        unused = {*TRANSFORMERS - {taken}, *(LORAS if self.stack.lora_scale == 0 else ())}
        return [each for each in self._models if each.name.partition("/")[0] not in unused]

    def show_steps(self, on_patch: OnPatch | None) -> None:
        """See `protocols.ShowsSteps`; the VAE itself decodes them, at a part of their size."""
        self.shown.listener = on_patch

    def remember(self, limits: MemoryLimits) -> None:
        """See `protocols.Remembers`. The default prompt's embedding is kept beside the limits."""
        self.stack.keep_prompts(PromptFolder(limits.folder / PROMPTS))
        self.steps.remember(limits)

    def prepare(self, portraits: Sequence[Portrait]) -> "KleinLikeness":
        """One reference face; each of its clearest pictures is a picture that the model reads."""
        return KleinLikeness(self, sort_by_clarity(portraits)[:MOST_REFERENCES])


@dataclass(frozen=True, slots=True, eq=False)
class Try:
    """What one walk made.

    Attributes:
        patch: registered, lit, with its mask.
        place: where the made face was.
        scores: None without a recogniser or a mesh.
    """

    patch: Patch
    place: Registration
    scores: IdentityScores | None

    @property
    def passes(self) -> bool:
        """True when the head is in its place and shows the reference more than the target."""
        refused = self.scores and (drift.is_nearer_to_target(self.scores) or drift.is_pulled_away(self.scores))
        return self.place.is_in_place and not refused

    @property
    def standing(self) -> tuple[bool, bool]:
        """Whether there is a face, and whether it is in its place."""
        return self.place.face is not None, self.place.is_in_place

    @property
    def result(self) -> Patch:
        """The patch, which warns of a head that is out of its place; without a face it changes nothing."""
        if self.place.is_in_place:
            return self.patch
        mask = self.patch.mask if self.place.face is not None else np.zeros_like(self.patch.mask)
        return replace(self.patch, mask=mask, warnings=(*self.patch.warnings, "out-of-place"))

    def is_better_than(self, other: "Try") -> bool:
        """A head in its place before one out of it, that before no face, then the one more like the reference."""
        if self.standing != other.standing:
            return self.standing > other.standing
        return bool(self.scores and other.scores and drift.is_better(other.scores, self.scores))


class KleinLikeness:
    """One reference face, ready to be made in place of any target face."""

    def __init__(self, engine: KleinEngine, portraits: Sequence[Portrait]) -> None:
        """`portraits` are of one person, the clearest first."""
        self.engine = engine
        self.stack = engine.stack
        self.gate = IdentityGate(engine.scorer, portraits)
        self.portraits = portraits
        self._drawn: dict[int, list[Pixels]] = {}
        self._encoded: dict[int, list[ReadPicture]] = {}

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """This identity in place of `face`; tried again where the made head is out of place or somebody else's.

        Where no try shows a face, the patch changes nothing.
        Where the device runs out of memory, the stack steps down to a smaller plan, and the patch warns of it.

        Raises:
            GpuOutOfMemory: the device ran out of memory, and no smaller plan is left.
        """
        settings = require_options(options, KleinOptions)
        on_step = never_backwards(on_step)
        return self.engine.steps.render(lambda: self._render_best(target, face, settings, on_step), self._forget)

    def _forget(self) -> None:
        """Give up what is known of the reference on the device."""
        self._encoded.clear()

    def _render_best(self, target: Image, face: Face, settings: KleinOptions, on_step: OnStep) -> Patch:
        def stay_done(_done: int, _total: int) -> None:
            on_step(settings.steps, settings.steps)

        tries = plan_tries(settings)
        best = made = self.attempt(target, face, next(tries), on_step)
        scores = [made.scores]
        for options in tries:
            if made.passes:
                break
            try:
                # That there would be a further try was not known before: progress stays at its end.
                made = self.attempt(target, face, options, stay_done)
            except GpuOutOfMemory:
                if best.place.face is None:
                    raise
                break  # what is finished is kept
            scores.append(made.scores)
            best = made if made.is_better_than(best) else best
        return replace(best.result, attempts=tuple(each for each in scores if each))

    def attempt(self, target: Image, face: Face, options: KleinOptions, on_step: OnStep) -> Try:
        """One walk from noise to a patch; raises `GpuOutOfMemory`."""
        cut = canvas_for((target.width, target.height), face, options.side)
        with name_out_of_memory():
            made = self.make(extract(target, cut), cut, options, on_step, partial(self._show, target, face, cut))
        place = self._register(made, face, cut)
        now = face_on_target(place, cut, face)
        stitched = stitch(target, move(made, place), cut, face, now, options.region)
        stitched = replace(stitched, warnings=_warnings(face), face=now if place.face is not None else None)
        return Try(stitched, place, self.gate.score(target, face, stitched))

    def make(
        self,
        pixels: Pixels,
        cut: Cut,
        options: KleinOptions,
        on_step: OnStep,
        show: Callable[[Tensor], None] = ignore_latents,
    ) -> Pixels:
        """(outer height, outer width, 3) uint8 RGB: the head of the reference in `pixels`, of the same shape.

        Args:
            show: told the latents that a step heads for.
        """
        stack = self.stack
        # The text comes first: its network may need all the room there is.
        prompt = stack.to_device(stack.text.encode(options.prompt or DEFAULT_PROMPT), "transformer")
        target = self._encode(pixels)
        read = [target, *self._references(options.reference_side, options.repeats)]
        latents = self.sample(prompt, target, read, options, on_step, show)
        return stack.run("vae", stack.vae, lambda vae: decode(vae, latents, cut))

    def sample(
        self,
        prompt: Tensor,
        target: ReadPicture,
        read: Sequence[ReadPicture],
        options: KleinOptions,
        on_step: OnStep,
        show: Callable[[Tensor], None],
    ) -> Tensor:
        """Packed latents (1, tokens, 128) float32 of the size of `target`, from pure noise."""
        start = noise_like(target.latents.to(self.stack.device.torch, torch.float32), options.seed)
        sigmas = schedule(options.steps, start.shape[1])

        def walk(transformer: object) -> Tensor:
            velocity = KleinVelocity(transformer, prompt, target.size, read)
            return denoise(self.engine.shown.watch(velocity, show), start, sigmas, on_step)

        return self.stack.run("transformer", self.stack.transformer(options.lora_scale), walk)

    def _show(self, image: Image, face: Face, cut: Cut, latents: Tensor) -> None:
        """Tell of the picture that a step heads for; where the device has no room for it, of none."""
        stack = self.stack
        with suppress(torch.OutOfMemoryError):
            seen = stack.run("vae", stack.vae, lambda vae: decode_small(vae, latents, cut, SHOWN_PX))
            self.engine.shown.tell(image, patch(seen, mask_for(face, cut), cut))

    def _encode(self, pixels: Pixels) -> ReadPicture:
        stack = self.stack
        latents = stack.run("vae", stack.vae, lambda vae: encode(vae, pixels))
        return ReadPicture(stack.to_device(latents, "transformer"), (pixels.shape[1], pixels.shape[0]))

    def _references(self, side: int, repeats: int) -> list[ReadPicture]:
        """The pictures of the reference in turn, as often as the memory plan has room for; each encoded once."""
        most = most_pictures(side)
        if side not in self._drawn:
            self._drawn[side] = [draw_reference(portrait, side) for portrait in self.portraits[:most]]
        if side not in self._encoded:
            self._encoded[side] = [self._encode(pixels) for pixels in self._drawn[side]]
        return (self._encoded[side] * repeats)[:most]

    def _register(self, made: Pixels, face: Face, cut: Cut) -> Registration:
        if face.mesh is None:  # nothing to compare with: it is taken as it is
            return Registration(face, 1.0, 0.0, np.eye(2, 3, dtype=np.float32))
        return register(made, mesh_to_working(face.mesh, cut), self.engine.detector)


def _warnings(face: Face) -> tuple[SwapWarning, ...]:
    return ("small-face",) if float(face.bbox[2] - face.bbox[0]) < SMALL_FACE_PX else ()
