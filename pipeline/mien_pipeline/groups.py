"""Faces of a picture that go through a network together, and come out as if they had gone one after another.

A face that is rendered after another one sees the picture with that one replaced. Where neither reaches the other's
pixels, the order makes no difference, and one run does both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mien_pipeline.face import Face, Patch
from mien_pipeline.image import Floats, Image
from mien_pipeline.options import SwapOptions
from mien_pipeline.progress import OnStep
from mien_pipeline.protocols import HoldsLikeness, Likeness, RendersGroups


@dataclass(frozen=True, slots=True, eq=False)
class Rendered:
    """A likeness whose face was rendered with others; with any other options it is rendered anew."""

    likeness: Likeness
    options: SwapOptions
    patch: Patch

    def render(self, target: Image, face: Face, options: SwapOptions, on_step: OnStep) -> Patch:
        """The patch that is there, finished on the picture as it is now."""
        if options != self.options:
            return self.likeness.render(target, face, options, on_step)
        held = self.likeness
        return held.finish(self.patch, target, face) if isinstance(held, HoldsLikeness) else self.patch


def list_groups(
    faces: Sequence[Face], likenesses: Mapping[int, Likeness], options: SwapOptions
) -> Sequence[Sequence[int]]:
    """The places of the faces in the order of `likenesses`, those together that do not reach each other's pixels."""
    groups, reaches = list[list[int]](), list[Floats]()
    for place, likeness in likenesses.items():
        bare = _strip(likeness)
        reach = bare.find_reach(faces[place], options) if isinstance(bare, RendersGroups) else None
        if reach is not None and reaches and not any(_overlap(reach, other) for other in reaches):
            groups[-1].append(place)
            reaches.append(reach)
        else:
            groups.append([place])
            reaches = [] if reach is None else [reach]
    return groups


def render_group(
    target: Image, faces: Sequence[Face], likenesses: Mapping[int, Likeness], options: SwapOptions, on_step: OnStep
) -> Mapping[int, Likeness]:
    """The likenesses of one group of `list_groups` by their places, each with its face rendered."""
    group = [(_strip(likeness), faces[place]) for place, likeness in likenesses.items()]
    first = group[0][0]
    if len(group) == 1 or not isinstance(first, RendersGroups):
        return likenesses
    patches = first.render_group(target, group, options, on_step)
    return {
        place: Rendered(likeness, options, patch)
        for (place, likeness), patch in zip(likenesses.items(), patches, strict=True)
    }


def _strip(likeness: Likeness) -> Likeness:
    return likeness.likeness if isinstance(likeness, HoldsLikeness) else likeness


def _overlap(one: Floats, other: Floats) -> bool:
    """Whether two boxes (4,) x1, y1, x2, y2 share a pixel."""
    return bool((one[:2] < other[2:]).all() and (other[:2] < one[2:]).all())
