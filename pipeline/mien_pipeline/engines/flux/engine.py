"""The identity stack on FLUX.1: three identity methods, one velocity, the target's own pixels around it."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mien_core.errors import ModelNotInstalled
from mien_models.store import ModelStore
from mien_pipeline.device import choose_device, name_out_of_memory
from mien_pipeline.engines.diffusion import drift, reference, target
from mien_pipeline.engines.diffusion.preserve_mask import hair_is_at_risk, preserve_mask
from mien_pipeline.engines.flux.faceid import FaceId, FaceTokens, XlabsAdapter, face_tokens
from mien_pipeline.engines.flux.files import find_files, models_used
from mien_pipeline.engines.flux.inject import WeightSchedule
from mien_pipeline.engines.flux.instantid import InstantId, keypoint_picture
from mien_pipeline.engines.flux.latents import decode, encode, face_tokens_of, fill_input, image_ids, token_mask
from mien_pipeline.engines.flux.options import FluxOptions
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.pulid import EVA_TAPS, IdTokens, Pulid
from mien_pipeline.engines.flux.second_attempt import adjust
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.engines.flux.text import DEFAULT_NEGATIVE_PROMPT, DEFAULT_PROMPT
from mien_pipeline.engines.flux.velocity import Canvas, IdentityMethod, bind_conditioning
from mien_pipeline.face import Face, Patch
from mien_pipeline.faces.score import DlibEmbedder
from mien_pipeline.image import Floats, Image
from mien_pipeline.options import SwapOptions, require_options
from mien_pipeline.plan.placement import DEFAULT_SIDE
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import FaceEmbedder
from mien_pipeline.report import IdentityScores, ModelUse, SwapWarning
from mien_pipeline.sampling import add_noise, denoise, inpaint, noise_like, schedule
from mien_pipeline.skin.blend import paste_back

# Narrower faces are made of a few tokens before they are enlarged.
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
    stack = Stack(weights, files, device, plan_memory(files, device, DEFAULT_SIDE))
    return FluxEngine(stack, models_used(weights, files), _load_scorer(weights))


def _load_scorer(weights: ModelStore) -> FaceEmbedder | None:
    """The recogniser of the drift gate; without it the gate stands open."""
    try:
        return DlibEmbedder(weights.path("identity-score"))
    except ModelNotInstalled:
        return None


class FluxEngine:
    """Everything is loaded when it is first needed and kept until the engine is dropped."""

    name = "flux"

    def __init__(self, stack: Stack, models: Sequence[ModelUse] = (), scorer: FaceEmbedder | None = None) -> None:
        self.stack = stack
        self.models = models
        self.scorer = scorer

    def prepare(self, reference: Image, face: Face) -> "FluxLikeness":
        """One reference face. Its tokens are computed when a part first asks for them, and kept."""
        return FluxLikeness(self.stack, self.scorer, reference, face)


class FluxLikeness:
    """A reference face and all that no target changes."""

    def __init__(self, stack: Stack, scorer: FaceEmbedder | None, image: Image, face: Face) -> None:
        self.stack = stack
        self.scorer = scorer
        self.image = image
        self.face = face

    # ── identity, computed once ──────────────────────────────────────────────────────────────────────────

    @cached_property
    def portrait(self) -> Any:
        return reference.portrait(self.image.pixels, self.face.kps)

    @cached_property
    def regions(self) -> reference.ParsingMap:
        return _regions(self.stack, self.portrait)

    @cached_property
    def embedding(self) -> Tensor:
        """(1, 512), antelopev2, not normalised."""
        return self.stack.arcface.embed(self.image, self.face.kps)

    @cached_property
    def id_tokens(self) -> IdTokens:
        stack = self.stack
        looked_at = reference.for_eva(self.portrait, self.regions, stack.eva.image_size)
        eva, levels = stack.run("eva", stack.eva, lambda tower: tower(stack.to_device(looked_at, "eva"), EVA_TAPS))
        return stack.id_tokens(self.embedding, eva, levels)

    @cached_property
    def control_tokens(self) -> Tensor:
        """(1, 8, 4096), what InfuseNet is given instead of text."""
        stack = self.stack
        looked_at = stack.to_device(reference.for_irse(self.image, self.face.kps), "ir_se50")
        embedding = stack.run("ir_se50", stack.ir_se50, lambda network: network(looked_at))
        tokens = stack.run(
            "resampler", stack.resampler, lambda network: network(stack.to_device(embedding, "resampler")[:, None])
        )
        return stack.to_device(tokens, "control_net")

    @cached_property
    def face_tokens(self) -> FaceTokens:
        stack = self.stack
        embedding = self.clip_embedding if isinstance(stack.faceid, XlabsAdapter) else self.embedding
        return face_tokens(stack.faceid.project, stack.to_device(embedding, "faceid"))

    @cached_property
    def clip_embedding(self) -> Tensor:
        """(1, 768), for XLabs' adapter, which was trained on whole pictures rather than faces."""
        tower = self.stack.clip
        with torch.no_grad():
            seen: Tensor = tower(reference.for_clip(self.portrait, tower.config.image_size)).image_embeds
        return seen

    @cached_property
    def own_score(self) -> Floats | None:
        """The reference under the drift gate's recogniser; None without one."""
        return _embed(self.scorer, self.image, self.face)

    # ── one target ───────────────────────────────────────────────────────────────────────────────────────

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """This identity in place of `face`; tried once more when the drift gate says so."""
        settings = require_options(options, FluxOptions)
        self.stack.check(settings.base, settings.decoder)
        with name_out_of_memory():
            first = self.attempt(target, face, settings, on_step)
            scores = self.score(target, face, first) if settings.drift_gate else None
            if scores is None:
                return first
            again = adjust(settings, scores)
            if again is None:
                return _with_attempts(first, (scores,))
            # The bar stays where it is: what a second attempt needs nobody could know before.
            second = self.attempt(target, face, again, lambda _done, _total: on_step(settings.steps, settings.steps))
        second_scores = self.score(target, face, second) or scores
        if drift.is_better(scores, second_scores):
            return _with_attempts(second, (scores, second_scores))
        return _with_attempts(first, (scores, second_scores))

    def attempt(self, target_image: Image, face: Face, options: FluxOptions, on_step: OnStep) -> Patch:
        """One walk from noise to a patch."""
        stack = self.stack
        cut = target.cut_for((target_image.width, target_image.height), face, options.side)
        portrait = reference.portrait(target_image.pixels, face.kps)
        theirs = _regions(stack, portrait)
        hair = hair_is_at_risk(self.regions, theirs)
        mask = target.mask_for(face, cut, preserve_mask(theirs, face, cut, hair))
        pixels = target.extract(target_image, cut)
        vae = stack.vae(options.decoder)
        clean = self._on_device(stack.run("vae", vae, lambda network: encode(network, pixels)))
        known = None
        if options.base == "fill":
            known = stack.run("vae", vae, lambda network: fill_input(network, pixels, mask, cut))
            known = stack.to_device(known, "transformer")
        prompt, negative = stack.text(options.base).encode(
            options.prompt or DEFAULT_PROMPT, options.negative_prompt or DEFAULT_NEGATIVE_PROMPT
        )
        methods = self.identity_methods(face, cut, options, vae)
        sigmas = schedule(options.steps, cut.tokens, options.strength, shifted=options.base != "schnell")
        canvas = Canvas(image_ids(cut, stack.to_device(clean, "transformer")), known)
        start = add_noise(clean, noise_like(clean, options.seed), sigmas[0])
        with bind_conditioning(
            stack.transformer(options.base),
            stack.prompt_to_device(prompt),
            stack.prompt_to_device(negative),
            canvas,
            methods,
            guidance_scale=options.guidance_scale,
            true_cfg_scale=options.true_cfg_scale,
            total=len(sigmas) - 1,
            cache_threshold=options.cache_threshold,
            queries=isinstance(stack.faceid, XlabsAdapter) if options.ip_adapter_scale else False,
        ) as velocity:
            masked = inpaint(velocity, clean, token_mask(mask, cut).to(clean))
            latents = denoise(masked, start, sigmas, on_step)
        made = stack.run("vae", vae, lambda network: decode(network, latents, cut))
        return target.patch(made, mask, cut, self._warnings(face, hair))

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
            methods.append(InstantId(stack.control_net, self.control_tokens, points, blocks, instantid))
        if pulid.weight:
            methods.append(Pulid(stack.pulid_attentions, self.id_tokens, blocks[0], pulid))
        if faceid.weight:
            region = face_tokens_of(face, cut).to(stack.device.torch)
            methods.append(FaceId(stack.faceid, self.face_tokens, faceid, region))
        return methods

    def score(self, image: Image, face: Face, patch: Patch) -> IdentityScores | None:
        """The patch in its place, compared with both faces; None without a recogniser."""
        before = _embed(self.scorer, image, face)
        if self.scorer is None or before is None or self.own_score is None:
            return None
        after = self.scorer.embed(paste_back(image, patch), face)
        return IdentityScores(
            recogniser=self.scorer.recogniser,
            to_reference=self.scorer.similarity(after, self.own_score),
            to_target=self.scorer.similarity(after, before),
            before=self.scorer.similarity(before, self.own_score),
        )

    def _on_device(self, latents: Tensor) -> Tensor:
        # The walk itself is in float32: its steps are small sums.
        return latents.to(self.stack.device.torch, torch.float32)

    def _warnings(self, face: Face, hair: bool) -> tuple[SwapWarning, ...]:
        found: list[SwapWarning] = []
        if float(face.bbox[2] - face.bbox[0]) < SMALL_FACE_PX:
            found.append("small-face")
        if hair:
            found.append("hair-kept")
        return tuple(found)


def weight_schedules(options: FluxOptions) -> tuple[WeightSchedule, WeightSchedule, WeightSchedule]:
    """Of InstantID, PuLID and IP-Adapter FaceID."""
    return (
        WeightSchedule(
            options.controlnet_conditioning_scale, options.control_start, options.control_end, options.control_steps
        ),
        WeightSchedule(options.id_weight, options.id_start, options.id_end, options.id_steps),
        WeightSchedule(
            options.ip_adapter_scale, options.ip_adapter_start, options.ip_adapter_end, options.ip_adapter_steps
        ),
    )


def _regions(stack: Stack, portrait: Any) -> reference.ParsingMap:
    return stack.run("parsing", stack.parsing, lambda network: reference.parse_face(network, portrait))


def _embed(scorer: FaceEmbedder | None, image: Image, face: Face) -> Floats | None:
    return scorer.embed(image, face) if scorer is not None and face.mesh is not None else None


def _with_attempts(patch: Patch, attempts: tuple[IdentityScores, ...]) -> Patch:
    return Patch(patch.crop, patch.affine, patch.mask, patch.warnings, attempts)
