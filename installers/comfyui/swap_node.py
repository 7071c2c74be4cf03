"""The node: pictures in, pictures with another face out, made by the daemon.

Source of its shape: docs.comfy.org/custom-nodes/backend/server_overview and comfy/comfy_types/node_typing.py.
"""

import hashlib
import io
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import comfy.model_management
import comfy.utils
import folder_paths
import numpy as np
import PIL.Image
import torch

from mien_api.client import DaemonClient
from mien_core.errors import BadRequest, ConsentRequired, UnknownReference

FOLDER = "mien"
STEPS = 1000  # of ComfyUI's bar
BASES = ["", "self", "written-permission"]


class MienSwapFace:
    """Put the face of a person of Mien's library, or of a picture, into each picture of a batch.

    What goes on to other nodes has the watermark in its pixels. The files with their signed content credentials lie in
    ComfyUI's output folder, below `mien`.
    """

    DESCRIPTION = (
        "Puts a face into each picture, on this machine, by the running Mien (`mien serve`). A face that is not in "
        "Mien's library needs the statement that allows its use."
    )
    CATEGORY = "image/Mien"
    FUNCTION = "swap"
    RETURN_TYPES = ("IMAGE", "STRING")
    RETURN_NAMES = ("image", "report")
    OUTPUT_NODE = True
    SEARCH_ALIASES: ClassVar[list[str]] = ["face swap"]

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:  # noqa: N802 ComfyUI's name
        """The inputs, as ComfyUI asks for them."""
        return {
            "required": {
                "target": ("IMAGE", {"tooltip": "The pictures that change."}),
                "faces": ("STRING", {"default": "largest", "tooltip": "largest, all, or indices from the left: 0,2"}),
                "engine": ("STRING", {"default": "", "tooltip": "Empty: the engine that is set in Mien."}),
            },
            "optional": {
                "person": ("STRING", {"default": "", "tooltip": "A person of Mien's library, by name or id."}),
                "reference": ("IMAGE", {"tooltip": "Instead: pictures of one person, with the statement below."}),
                "basis": (BASES, {"default": "", "tooltip": "Why this face may be used; needed with a picture."}),
                "adult": (
                    "BOOLEAN",
                    {"default": False, "tooltip": "That the person is an adult; needed with a picture."},
                ),
            },
        }

    def swap(
        self,
        target: torch.Tensor,
        faces: str,
        engine: str,
        person: str = "",
        reference: torch.Tensor | None = None,
        basis: str = "",
        adult: bool = False,
    ) -> dict[str, Any]:
        """Swap each picture of the batch.

        Args:
            target, reference: (B, H, W, C) float32 in [0, 1], RGB.

        Raises:
            MienError: as the daemon refuses; ComfyUI shows its words.
        """
        daemon = DaemonClient.running()
        people = [find_person(daemon, person)] if person else encode_reference(reference, basis, adult=adult)
        options = {"faces": read_faces(faces), "format": "png"} | ({"engine": engine} if engine else {})
        made = [
            daemon.swap(encode(picture), [people], options, tell(number, len(target)))
            for number, picture in enumerate(target)
        ]
        pictures = torch.stack([decode(data) for data, _ in made])
        report = json.dumps([each for _, each in made], ensure_ascii=False)
        return {"ui": {"images": [keep(data) for data, _ in made]}, "result": (pictures, report)}


def find_person(daemon: DaemonClient, named: str) -> str:
    """ "ref:ID" of the person of the library with this id or name.

    Raises:
        UnknownReference: there is none.
        BadRequest: several people have this name.
    """
    references = [each for each in daemon.list_references() if each["usable"]]
    found = [each["id"] for each in references if named in (each["id"], f"ref:{each['id']}")] or [
        each["id"] for each in references if each["name"] == named
    ]
    if not found:
        raise UnknownReference("no such person is in Mien's library", field="person")
    if len(found) > 1:
        raise BadRequest("several people have this name; give the id", field="person")
    return f"ref:{found[0]}"


def encode_reference(pictures: torch.Tensor | None, basis: str, *, adult: bool) -> Sequence[bytes]:
    """The pictures of one person, whose face may be used.

    Raises:
        BadRequest: there are none.
        ConsentRequired: `field` says what was not stated.
    """
    if pictures is None:
        raise BadRequest("give a person of Mien's library, or a picture of one", field="person")
    if not basis:
        raise ConsentRequired("a face that is not in Mien's library needs a basis", field="basis", known=BASES[1:])
    if not adult:
        raise ConsentRequired("only adults can be a reference", field="adult")
    return [encode(picture) for picture in pictures]


def read_faces(text: str) -> str | list[int]:
    """Which faces: a word, or indices from the left; raises `BadRequest`."""
    if text in {"largest", "all"}:
        return text
    if not all(part.strip().isdecimal() for part in text.split(",")):
        raise BadRequest("faces: largest, all, or indices from the left as 0,2", field="faces")
    return [int(part) for part in text.split(",")]


def tell(number: int, total: int) -> Callable[[Mapping[str, Any]], None]:
    """What hears of the job of picture `number` of `total`: it moves ComfyUI's bar, and ends at an interruption."""
    bar = comfy.utils.ProgressBar(STEPS)

    def on_job(job: Mapping[str, Any]) -> None:
        comfy.model_management.throw_exception_if_processing_interrupted()
        bar.update_absolute(int(STEPS * (number + job["progress"]) / total), STEPS)

    return on_job


def encode(picture: torch.Tensor) -> bytes:
    """A PNG file of one picture, (H, W, C) float32 in [0, 1]."""
    pixels = (picture[..., :3].detach().cpu().numpy() * 255).round().clip(0, 255).astype(np.uint8)
    file = io.BytesIO()
    PIL.Image.fromarray(pixels).save(file, "png", compress_level=1)
    return file.getvalue()


def decode(data: bytes) -> torch.Tensor:
    """(H, W, 3) float32 in [0, 1] of a file."""
    with PIL.Image.open(io.BytesIO(data)) as picture:
        return torch.from_numpy(np.asarray(picture.convert("RGB"), np.float32) / 255)


def keep(data: bytes) -> dict[str, str]:
    """Write the marked file into ComfyUI's output folder, named by its bytes; where it lies, as ComfyUI shows it."""
    folder = Path(folder_paths.get_output_directory()) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = f"mien-{hashlib.sha256(data).hexdigest()[:16]}.png"
    (folder / name).write_bytes(data)
    return {"filename": name, "subfolder": FOLDER, "type": "output"}
