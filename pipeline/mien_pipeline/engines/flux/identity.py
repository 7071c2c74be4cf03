"""What the identity methods know of one reference; each value is computed when it is first read, and kept.

Of several pictures of one person every method gets what its authors would give it.

PuLID: five tokens of each embedding and all EVA features, side by side in one pass of the IDFormer. Its authors do so
in version 1.1 (`get_id_embedding`), whose IDFormer is that of the FLUX weights; their application takes four pictures.

InstantID: the mean of the IR-SE50 embeddings, at unit length. Its paper takes the mean of the embeddings; InfiniteYou,
which stands in for it, was trained on unit vectors and has no rule of its own.

FaceID: the mean direction of the ArcFace embeddings, at their mean length. WithAnyone has no rule for it. Its network
knows embeddings of full length, and a plain mean of vectors that differ is shorter than each of them.

Pixels (hair, CLIP): the clearest picture's. A mean of pictures would be a blur.
"""

from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from mien_pipeline.engines.diffusion import reference
from mien_pipeline.engines.flux.faceid import FaceTokens, XlabsAdapter, face_tokens
from mien_pipeline.engines.flux.pulid import EVA_TAPS, IdTokens
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.face import Portrait
from mien_pipeline.image import Pixels

# One picture and three more is what PuLID's own application offers (app.py).
MOST_PULID_PICTURES = 4


class FluxIdentity:
    """One reference in one or several pictures; nothing here depends on a target."""

    def __init__(self, stack: Stack, portraits: Sequence[Portrait]) -> None:
        """`portraits` are of one person, the clearest first."""
        self.stack = stack
        self.portraits = portraits

    @cached_property
    def portrait(self) -> Pixels:
        """(512, 512, 3) uint8 RGB, the clearest picture in FFHQ's pose."""
        return _in_ffhqs_pose(self.portraits[0])

    @cached_property
    def regions(self) -> reference.ParsingMap:
        """(512, 512) int64, the `ParsingClass` of every pixel of the portrait."""
        return self.stack.parse_face(self.portrait)

    @cached_property
    def embeddings(self) -> list[Tensor]:
        """(1, 512) float32 on the CPU of every picture, antelopev2, not normalised."""
        return [self.stack.arcface.embed(image, face.kps) for image, face in self.portraits]

    @cached_property
    def embedding(self) -> Tensor:
        """(1, 512) float32 on the CPU: the mean direction of `embeddings`, at their mean length."""
        return average(self.embeddings)

    @cached_property
    def id_tokens(self) -> IdTokens:
        """PuLID's, on the device."""
        stack, seen = self.stack, self.portraits[:MOST_PULID_PICTURES]
        looks = [self._look_with_eva(place) for place in range(len(seen))]
        # One picture is (1, 512), as in their pipeline for FLUX.
        join = torch.stack if len(seen) > 1 else torch.cat
        embedding = join(self.embeddings[: len(seen)], 1)
        eva = join([each for each, _ in looks], 1)
        levels = [torch.cat(each, 1) for each in zip(*(levels for _, levels in looks), strict=True)]
        return stack.id_tokens(embedding, eva, levels)

    def _look_with_eva(self, place: int) -> tuple[Tensor, list[Tensor]]:
        """(1, 768) and five (1, 577, 1024) of one picture."""
        stack = self.stack
        portrait = _in_ffhqs_pose(self.portraits[place]) if place else self.portrait
        regions = stack.parse_face(portrait) if place else self.regions
        seen = stack.to_device(reference.for_eva(portrait, regions, stack.eva.image_size), "eva")
        eva, levels = stack.run("eva", stack.eva, lambda tower: tower(seen, EVA_TAPS))
        return eva, levels

    @cached_property
    def control_tokens(self) -> Tensor:
        """(1, 8, 4096) on the device: what InfuseNet reads instead of text."""
        stack = self.stack
        embedding = average([self._look_with_ir_se50(each) for each in self.portraits])
        tokens = stack.run(
            "resampler", stack.resampler, lambda network: network(stack.to_device(embedding, "resampler")[:, None])
        )
        return stack.to_device(tokens, "control_net")

    def _look_with_ir_se50(self, portrait: Portrait) -> Tensor:
        """(1, 512) of unit length."""
        stack = self.stack
        seen = stack.to_device(reference.for_irse(portrait.image, portrait.face.kps), "ir_se50")
        embedding: Tensor = stack.run("ir_se50", stack.ir_se50, lambda network: network(seen))
        return embedding

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


def average(embeddings: Sequence[Tensor]) -> Tensor:
    """(1, D): the mean direction of (1, D) embeddings, at their mean length; of one embedding itself."""
    if len(embeddings) == 1:
        return embeddings[0]
    together = torch.cat(list(embeddings))
    lengths = together.norm(dim=1, keepdim=True)
    direction = (together / lengths).mean(0, keepdim=True)
    scaled: Tensor = direction / direction.norm() * lengths.mean()
    return scaled


def _in_ffhqs_pose(portrait: Portrait) -> Pixels:
    return reference.portrait(portrait.image.pixels, portrait.face.kps)
