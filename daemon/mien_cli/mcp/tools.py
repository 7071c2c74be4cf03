"""The tools that a language model gets: who may be used, one swap, how a job is, what is installed.

A model can make no statement about a person, so only faces of the library are used: a person made the statement when
the face was added. Nothing that is there is ever overwritten.
"""

from __future__ import annotations

import re
from argparse import Namespace
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mien_core.errors import BadRequest, InvalidImage, UnknownReference

if TYPE_CHECKING:
    from mien_api.client import DaemonClient, OnJob

Document = dict[str, Any]
LISTED = 20
FACE_INDEX = re.compile(r"\s*\d{1,4}\s*", re.ASCII)  # Python reads no number of more than 4,300 digits
TEXT = {"type": "string"}


@dataclass(frozen=True, slots=True)
class Tool:
    """One tool.

    Attributes:
        run: from the daemon, the arguments, and what hears of a job's progress, to the answer; raises `MienError`.
        writes: whether a call makes a file.
    """

    name: str
    title: str
    description: str
    properties: Mapping[str, Document]
    required: tuple[str, ...]
    run: Callable[[DaemonClient, Mapping[str, Any], OnJob], Document]
    writes: bool = False

    def describe(self) -> Document:
        """As `tools/list` shows it."""
        schema = {"type": "object", "properties": dict(self.properties), "required": list(self.required)}
        hints = {"readOnlyHint": not self.writes, "destructiveHint": False, "openWorldHint": False}
        return {
            "name": self.name,
            "title": self.title,
            "description": self.description,
            "inputSchema": {**schema, "additionalProperties": False},
            "annotations": hints,
        }

    def check(self, arguments: Mapping[str, Any]) -> None:
        """Return if the arguments are those of the schema.

        Raises:
            BadRequest: `field` is unknown, missing, or of another type.
        """
        for name in (*self.required, *arguments):
            if name not in self.properties:
                raise BadRequest(f"{name}: there is no such argument", field=name)
            if name not in arguments:
                raise BadRequest(f"{name}: is needed", field=name)
            kind = dict if self.properties[name]["type"] == "object" else str
            if not isinstance(arguments[name], kind):
                raise BadRequest(f"{name}: is no {self.properties[name]['type']}", field=name)


def list_references(daemon: DaemonClient, _arguments: Mapping[str, Any], _on_job: OnJob) -> Document:
    found = [each for each in daemon.list_references() if each["usable"]]
    return {"references": [{"id": each["id"], "name": each["name"]} for each in found]}


def swap_face(daemon: DaemonClient, arguments: Mapping[str, Any], on_job: OnJob) -> Document:
    from mien_cli.clip import is_clip
    from mien_cli.in_process import read_picture
    from mien_cli.result_file import ResultPlace

    target = Path(arguments["target"]).expanduser()
    if is_clip(target):
        raise InvalidImage("the target is a clip; `mien swap` takes clips", file=str(target))
    place = ResultPlace.choose(Namespace(output=read_output(arguments), exists="number", json=True), target, "swapped")
    options = read_options(arguments) | ({"format": place.format} if place.format else {})
    person = find_person(daemon, arguments["reference"])
    picture = read_picture(target)
    place.check(picture, place.format)
    data, report = daemon.swap(picture, person, options, on_job, label={"target": target.name})
    return {"output": str(place.write(data).path.absolute()), **report}


def read_output(arguments: Mapping[str, Any]) -> str | None:
    """The path that was asked for.

    Raises:
        BadRequest: `field` is output: standard output is the protocol's own.
    """
    from mien_cli.result_file import STANDARD_OUTPUT

    if "output" not in arguments:
        return None
    named = str(Path(arguments["output"]).expanduser())
    if named in STANDARD_OUTPUT:
        raise BadRequest("output: is no file", field="output")
    return named + ("/" if arguments["output"].endswith("/") else "")


def read_options(arguments: Mapping[str, Any]) -> Document:
    """The options of the swap; raises `BadRequest` where `field` cannot be read."""
    options: Document = dict(arguments.get("options", {}))
    if "engine" in arguments:
        options["engine"] = arguments["engine"]
    if "faces" in arguments:
        faces: str = arguments["faces"]
        is_word = faces in {"largest", "all"}
        if not is_word and not all(FACE_INDEX.fullmatch(part) for part in faces.split(",")):
            raise BadRequest("faces: largest, all, or indices from the left as 0,2", field="faces")
        options["faces"] = faces if is_word else [int(part) for part in faces.split(",")]
    return options


def find_person(daemon: DaemonClient, named: str) -> str:
    """ "ref:ID" of the person of the library with this id or name.

    Raises:
        UnknownReference: there is none; `known` are the names there are.
        BadRequest: several people have this name.
    """
    wanted = named.removeprefix("ref:")
    references = [each for each in daemon.list_references() if each["usable"]]
    found = [each["id"] for each in references if each["id"] == wanted] or [
        each["id"] for each in references if each["name"] == wanted
    ]
    if not found:
        known = [each["name"] for each in references]
        raise UnknownReference("no such person is in the library; a person adds one", field="reference", known=known)
    if len(found) > 1:
        raise BadRequest("reference: several people have this name; give the id", field="reference")
    return f"ref:{found[0]}"


def show_job(daemon: DaemonClient, arguments: Mapping[str, Any], _on_job: OnJob) -> Document:
    if "id" in arguments:
        return daemon.get_job(arguments["id"])
    return {"jobs": daemon.list_jobs(limit=LISTED)["jobs"]}


def list_models(daemon: DaemonClient, _arguments: Mapping[str, Any], _on_job: OnJob) -> Document:
    engines = [
        {name: each.get(name) for name in ("name", "state", "fits", "fits_why", "download_bytes", "presets")}
        for each in daemon.list_engines()
    ]
    models = [{name: each.get(name) for name in ("name", "state", "licence")} for each in daemon.list_models()]
    return {"engines": engines, "models": models}


TOOLS = (
    Tool(
        "list_references",
        "Faces that may be used",
        "The people of the reference library, each with an id and a name. Only these faces may be put into a picture: "
        "a person added each with the statement that allows its use.",
        {},
        (),
        list_references,
    ),
    Tool(
        "swap_face",
        "Swap a face",
        "Puts the face of a person of the library into a picture on this machine, and writes a new file, marked with "
        "content credentials and a watermark. Existing files are never overwritten. Answers with the output's path, "
        "and for each face how near it came to the person, a verdict and warnings.",
        {
            "target": {**TEXT, "description": "Path of the picture that is edited; it stays as it is."},
            "reference": {**TEXT, "description": "Id or name of a person of the library."},
            "output": {**TEXT, "description": "Path of the new file, or a folder; by default beside the target."},
            "faces": {**TEXT, "description": "largest (default), all, or indices from the left: 0,2."},
            "engine": {**TEXT, "description": "An engine of list_models, or auto; by default the person's own choice."},
            "options": {
                "type": "object",
                "description": "Further options, as `mien swap` has them.",
            },
        },
        ("target", "reference"),
        swap_face,
        writes=True,
    ),
    Tool(
        "job_status",
        "How a job is",
        f"One job with its state, progress, report or problem; without an id the newest {LISTED}.",
        {"id": {**TEXT, "description": "The id of a job."}},
        (),
        show_job,
    ),
    Tool(
        "list_models",
        "Engines and models",
        "Every engine, whether it is ready and fits this machine, and every model with its state and licence.",
        {},
        (),
        list_models,
    ),
)
