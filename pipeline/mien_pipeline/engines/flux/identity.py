"""What the identity methods know of one reference face; each value is computed when it is first read, and kept."""

from functools import cached_property

import torch
from torch import Tensor

from mien_pipeline.engines.diffusion import reference
from mien_pipeline.engines.flux.faceid import FaceTokens, XlabsAdapter, face_tokens
from mien_pipeline.engines.flux.pulid import EVA_TAPS, IdTokens
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Face
from mien_pipeline.image import Image, Pixels


class FluxIdentity:
    """One reference face; nothing here depends on a target."""

    def __init__(self, stack: Stack, image: Image, face: Face) -> None:
        self.stack = stack
        self.image = image
        self.face = face

    @cached_property
    def portrait(self) -> Pixels:
        """(512, 512, 3) uint8 RGB, in FFHQ's pose."""
        return reference.portrait(self.image.pixels, self.face.kps)

    @cached_property
    def regions(self) -> reference.ParsingMap:
        """(512, 512) int64, the `ParsingClass` of every pixel of the portrait."""
        return self.stack.parse_face(self.portrait)

    @cached_property
    def embedding(self) -> Tensor:
        """(1, 512) float32 on the CPU, antelopev2, not normalised."""
        return self.stack.arcface.embed(self.image, self.face.kps)

    @cached_property
    def id_tokens(self) -> IdTokens:
        """PuLID's, on the device."""
        stack = self.stack
        seen = reference.for_eva(self.portrait, self.regions, stack.eva.image_size)
        eva, levels = stack.run("eva", stack.eva, lambda tower: tower(stack.to_device(seen, "eva"), EVA_TAPS))
        return stack.id_tokens(self.embedding, eva, levels)

    @cached_property
    def control_tokens(self) -> Tensor:
        """(1, 8, 4096) on the device: what InfuseNet reads instead of text."""
        stack = self.stack
        seen = stack.to_device(reference.for_irse(self.image, self.face.kps), "ir_se50")
        embedding = stack.run("ir_se50", stack.ir_se50, lambda network: network(seen))
        tokens = stack.run(
            "resampler", stack.resampler, lambda network: network(stack.to_device(embedding, "resampler")[:, None])
        )
        return stack.to_device(tokens, "control_net")

    @cached_property
    def face_tokens(self) -> FaceTokens:
        """Of the adapter that is installed, on the device."""
        stack = self.stack
        embedding = self.clip_embedding if isinstance(stack.faceid, XlabsAdapter) else self.embedding
        return face_tokens(stack.faceid.project, stack.to_device(embedding, "faceid"))

    @cached_property
    def clip_embedding(self) -> Tensor:
        """(1, 768) float32 on the CPU, for XLabs' adapter: it was trained on whole pictures rather than faces."""
        tower = self.stack.clip
        with torch.no_grad():
            embedding: Tensor = tower(reference.for_clip(self.portrait, tower.config.image_size)).image_embeds
        return embedding
