"""The identity stack on FLUX.1: three identity methods, one velocity, the target's own pixels around it."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from mien_models.store import ModelStore
from mien_pipeline.device import choose_device, installed_memory, name_out_of_memory
from mien_pipeline.engines.diffusion import drift, reference, target
from mien_pipeline.engines.diffusion.gate import IdentityGate, load_scorer
from mien_pipeline.engines.diffusion.installed import is_available
from mien_pipeline.engines.diffusion.latents import decode, encode, token_mask
from mien_pipeline.engines.diffusion.memory_steps import MemorySteps
from mien_pipeline.engines.diffusion.noise import noise_on_face
from mien_pipeline.engines.diffusion.preserve_mask import hair_is_at_risk, preserve_mask
from mien_pipeline.engines.diffusion.shown_steps import ShownSteps
from mien_pipeline.engines.flux.faceid import FaceId, XlabsAdapter
from mien_pipeline.engines.flux.files import TINY_VAE, find_files, models_used
from mien_pipeline.engines.flux.identity import FluxIdentity
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.instantid import InstantId, keypoint_picture
from mien_pipeline.engines.flux.latents import face_tokens_of, fill_input, image_ids
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.pulid import Pulid
from mien_pipeline.engines.flux.second_attempt import adjust
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.engines.flux.text import DEFAULT_NEGATIVE_PROMPT, DEFAULT_PROMPT
from mien_pipeline.engines.flux.velocity import Canvas, IdentityMethod, bind_conditioning
from mien_pipeline.face import Face, Patch, Portrait
from mien_pipeline.faces.clarity import sort_by_clarity
from mien_pipeline.image import Image
from mien_pipeline.memory_limits import MemoryLimits
from mien_pipeline.options import SwapOptions, require_options
from mien_pipeline.plan.placement import DEFAULT_SIDE
from mien_pipeline.progress import OnStep, never_backwards
from mien_pipeline.protocols import FaceEmbedder, OnPatch
from mien_pipeline.report import IdentityScores, ModelUse, SwapWarning
from mien_pipeline.sampling import add_noise, denoise, inpaint, noise_like, schedule

# What ONNX Runtime runs.
RECOGNISER = "antelopev2/glintr100.onnx"
# A narrower face covers only a few tokens of the target, and is enlarged.
SMALL_FACE_PX = 64


def load(weights: ModelStore) -> "FluxEngine":
    """The engine on this machine's best device.

    Raises:
        ModelNotInstalled, LicenceNotAccepted: `models`, `files` and `command` say what to do.
        NotEnoughMemory: nothing has been loaded yet; `plan` and `would_fit` say what is possible.
        EngineUnavailable: a library that the memory plan needs is missing.
    """
    files = find_files(weights)
    device = choose_device()
    plan = plan_memory(files, device, DEFAULT_SIDE, installed_memory())
    stack = Stack(weights, files, device, plan)
    return FluxEngine(stack, models_used(weights, files), load_scorer(weights))


class FluxEngine:
    """FLUX.1 with the identity stack. A network is loaded when it is first needed, and kept with the engine."""

    name = "flux"

    def __init__(self, stack: Stack, models: Sequence[ModelUse] = (), scorer: FaceEmbedder | None = None) -> None:
        self.stack = stack
        self.scorer = scorer
        self.steps = MemorySteps("flux", stack)
        self.shown = ShownSteps()
        self._files = models

    def remember(self, limits: MemoryLimits) -> None:
        """See `protocols.Remembers`; called before anything is loaded."""
        self.steps.remember(limits)

    def show_steps(self, on_patch: OnPatch | None) -> None:
        """See `protocols.ShowsSteps`; without TAEF1 nothing is shown."""
        self.shown.listener = on_patch if is_available(self.stack.store, TINY_VAE) else None

    @property
    def models(self) -> Sequence[ModelUse]:
        """The weight files; the recogniser's with the provider that runs it, once it is loaded."""
        return [
            replace(each, ran_on=self.stack.recogniser_provider) if each.name == RECOGNISER else each
            for each in self._files
        ]

    def prepare(self, portraits: Sequence[Portrait]) -> "FluxLikeness":
        """One reference face; its tokens are computed when an identity method first reads them, and kept.

        Of several pictures the clearest gives the pixels; `identity` says what else becomes of them.
        """
        return FluxLikeness(self.stack, self.scorer, sort_by_clarity(portraits), self.steps, self.shown)


class FluxLikeness:
    """One reference face, ready to be made in place of any target face."""

    def __init__(
        self,
        stack: Stack,
        scorer: FaceEmbedder | None,
        portraits: Sequence[Portrait],
        steps: MemorySteps | None = None,
        shown: ShownSteps | None = None,
    ) -> None:
        """`portraits` are of one person, the clearest first."""
        self.stack = stack
        self.steps = steps or MemorySteps("flux", stack)
        self.shown = shown or ShownSteps()
        self.gate = IdentityGate(scorer, portraits)
        self.portraits = portraits
        self.identity = FluxIdentity(stack, portraits)

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """This identity in place of `face`, attempted a second time when the drift gate refuses the first.

        Where the device runs out of memory, the stack steps down to a smaller plan, and the patch warns of it.

        Raises:
            ModelNotInstalled, LicenceNotAccepted, InvalidOptions: as `Stack.check` raises them, before anything loads.
            GpuOutOfMemory: the device ran out of memory, and no smaller plan is left.
        """
        settings = require_options(options, FluxOptions)
        on_step = never_backwards(on_step)

        def once() -> Patch:
            self.stack.check(settings.base, settings.decoder)
            return self._render_once(target, face, settings, on_step)

        return self.steps.render(once, self._forget)

    def _forget(self) -> None:
        """Give up what is known of the reference on the device."""
        self.identity = FluxIdentity(self.stack, self.portraits)

    def _render_once(self, target: Image, face: Face, settings: FluxOptions, on_step: OnStep) -> Patch:
        with name_out_of_memory():
            first = self.attempt(target, face, settings, on_step)
            scores = self.gate.score(target, face, first) if settings.drift_gate else None
            if scores is None:
                return first
            again = adjust(settings, scores)
            if again is None:
                return _with_attempts(first, (scores,))
            # Progress stays at its end: that there would be a second attempt was not known before.
            second = self.attempt(target, face, again, lambda _done, _total: on_step(settings.steps, settings.steps))
        second_scores = self.gate.score(target, face, second) or scores
        if drift.is_better(scores, second_scores):
            return _with_attempts(second, (scores, second_scores))
        return _with_attempts(first, (scores, second_scores))

    def attempt(self, target_image: Image, face: Face, options: FluxOptions, on_step: OnStep) -> Patch:
        """One walk from noise to a patch."""
        stack, vae = self.stack, self.stack.vae(options.decoder)
        cut = target.cut_for((target_image.width, target_image.height), face, options.side)
        theirs = stack.parse_face(reference.portrait(target_image.pixels, face.kps))
        hair = hair_is_at_risk(self.identity.regions, theirs)
        mask = target.mask_for(face, cut, preserve_mask(theirs, face, cut, hair))
        pixels = target.extract(target_image, cut)
        # The walk itself is in float32: its steps are small sums.
        clean = stack.run("vae", vae, lambda network: encode(network, pixels)).to(stack.device.torch, torch.float32)
        known = None
        if options.base == "fill":
            known = stack.run("vae", vae, lambda network: fill_input(network, pixels, mask, cut))
            known = stack.to_device(known, "transformer")
        canvas = Canvas(image_ids(cut, stack.to_device(clean, "transformer")), known)
        methods = self.identity_methods(face, cut, options, vae)

        def show(estimate: Tensor) -> None:
            quick = stack.vae("tiny")
            seen = stack.run("vae", quick, lambda network: decode(network, estimate, cut))
            self.shown.tell(target_image, target.patch(seen, mask, cut))

        noise = draw_noise(clean, face, cut, options)
        latents = self.sample(clean, noise, token_mask(mask, cut), canvas, methods, options, on_step, show)
        made = stack.run("vae", vae, lambda network: decode(network, latents, cut))
        return target.patch(made, mask, cut, _warnings(face, hair, stack))

    def sample(
        self,
        clean: Tensor,
        noise: Tensor,
        mask: Tensor,
        canvas: Canvas,
        methods: Sequence[IdentityMethod],
        options: FluxOptions,
        on_step: OnStep,
        show: Callable[[Tensor], None],
    ) -> Tensor:
        """Packed latents (1, tokens, 64) float32: made from `noise` where `mask` (tokens, 1) is 1, else `clean`."""
        stack = self.stack
        prompt, negative = stack.text(options.base).encode(
            options.prompt or DEFAULT_PROMPT, options.negative_prompt or DEFAULT_NEGATIVE_PROMPT
        )
        sigmas = schedule(options.steps, clean.shape[1], options.strength, shifted=options.base != "schnell")
        start = add_noise(clean, noise, sigmas[0])
        with bind_conditioning(
            stack.transformer(options.base),
            stack.prompt_to_device(prompt),
            stack.prompt_to_device(negative),
            canvas,
            methods,
            guidance_scale=options.guidance_scale,
            true_cfg_scale=options.true_cfg_scale,
            true_cfg_start=options.timestep_to_start_cfg,
            total=len(sigmas) - 1,
            cache_threshold=options.cache_threshold,
            queries=isinstance(stack.faceid, XlabsAdapter) if options.ip_adapter_scale else False,
        ) as velocity:
            watched = self.shown.watch(inpaint(velocity, clean, mask.to(clean)), show)
            return denoise(watched, start, sigmas, on_step)

    def identity_methods(self, face: Face, cut: target.Cut, options: FluxOptions, vae: Any) -> list[IdentityMethod]:
        """The identity methods that are switched on."""
        stack = self.stack
        transformer = stack.transformer(options.base)
        blocks = len(transformer.transformer_blocks), len(transformer.single_transformer_blocks)
        instantid, pulid, faceid = weight_schedules(options)
        methods: list[IdentityMethod] = []
        if instantid.weight:
            drawn = keypoint_picture(cut.to_working(face.kps), *cut.outer)
            points = stack.run("vae", vae, lambda network: encode(network, drawn))
            points = stack.to_device(points, "control_net")
            methods.append(InstantId(stack.control_net, self.identity.control_tokens, points, blocks, instantid))
        if pulid.weight:
            methods.append(Pulid(stack.pulid_attentions, self.identity.id_tokens, blocks[0], pulid))
        if faceid.weight:
            region = face_tokens_of(face, cut).to(stack.device.torch)
            methods.append(FaceId(stack.faceid, self.identity.face_tokens, faceid, region))
        return methods


def _warnings(face: Face, hair: bool, stack: Stack) -> tuple[SwapWarning, ...]:
    found: list[SwapWarning] = []
    if float(face.bbox[2] - face.bbox[0]) < SMALL_FACE_PX:
        found.append("small-face")
    if hair:
        found.append("hair-kept")
    if stack.recogniser_failed:
        found.append("processor-instead")
    return tuple(found)


def draw_noise(clean: Tensor, face: Face, cut: target.Cut, options: FluxOptions) -> Tensor:
    """Noise in the shape and on the device of `clean` (1, tokens, 64), laid on the picture or on the face."""
    if options.noise == "picture":
        return noise_like(clean, options.seed)
    return noise_on_face(face, cut, clean.shape[2] // 4, options.seed).to(clean)


def weight_schedules(options: FluxOptions) -> tuple[WeightSchedule, WeightSchedule, WeightSchedule]:
    """When and how strongly InstantID, PuLID and IP-Adapter FaceID act, in this order."""
    return (
        WeightSchedule(
            options.controlnet_conditioning_scale, options.control_start, options.control_end, options.control_steps
        ),
        WeightSchedule(options.id_weight, options.id_start, options.id_end, options.id_steps),
        WeightSchedule(
            options.ip_adapter_scale, options.ip_adapter_start, options.ip_adapter_end, options.ip_adapter_steps
        ),
    )


def _with_attempts(patch: Patch, attempts: tuple[IdentityScores, ...]) -> Patch:
    return Patch(patch.crop, patch.affine, patch.mask, patch.warnings, attempts)
