"""What published files hold beside the network that is read from them. It is left unread; any other name is refused.

No torch here: the memory plan leaves the same tensors out.
"""

from collections.abc import Mapping

from mien_pipeline.engines.diffusion.manifest import Shapes

# network → beginnings of names in its published file → where they come from.
FOREIGN: Mapping[str, Mapping[str, str]] = {
    "id_former": {"pulid_ca.": "PuLID's cross-attentions, a network of their own"},
    "pulid_attentions": {"pulid_encoder.": "PuLID's IDFormer, a network of its own"},
    "faceid": {
        # withanyone/utils/merge_ipa.py of Doby-Xu/WithAnyone joins two trained models into one file. The ArcFace model
        # had a SigLIP projector as well, which its authors never call (their issue 10).
        "siglip_in_arc.": "the ArcFace model's unused SigLIP projector, renamed by the authors' merge script",
        "ipa_sig.": "attentions of WithAnyone's SigLIP branch",
        "arcface_in_sig.": "ArcFace projector of WithAnyone's SigLIP branch",
        "siglip_in_sig.": "SigLIP projector of WithAnyone's SigLIP branch",
    },
    "eva": {"text.": "EVA-CLIP's text tower", "logit_scale": "CLIP's temperature, for training alone"},
    "parsing": {
        "conv_out16.": "BiSeNet's second head, for training alone",
        "conv_out32.": "BiSeNet's third head, for training alone",
    },
    "text_encoder": {
        "text_projection.": "CLIP's projection, which FLUX.1 does not read",
        "logit_scale": "CLIP's temperature, for training alone",
        "text_model.embeddings.position_ids": "position numbers that transformers counts by itself today",
    },
    "clip": {
        "text_model.": "CLIP's text tower",
        "text_projection.": "CLIP's text tower",
        "logit_scale": "CLIP's temperature, for training alone",
        "vision_model.embeddings.position_ids": "position numbers that transformers counts by itself today",
    },
}


def foreign_to(network: str) -> tuple[str, ...]:
    """Beginnings of the names that `network`'s published file holds for others."""
    return tuple(FOREIGN.get(network, ()))


def own_shapes(network: str, shapes: Shapes) -> dict[str, tuple[int, ...]]:
    """The tensors of a whole file that belong to `network`."""
    foreign = foreign_to(network)
    return {name: tuple(shape) for name, shape in shapes.items() if not name.startswith(foreign)}
