"""Clips among the pictures of a folder: each is a `mien swap` of its own, which a death only interrupts."""

from __future__ import annotations

import asyncio
import json
from argparse import Namespace
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol, cast

from mien_api.problems import error_for
from mien_core.errors import MienError
from mien_core.program import command_for, windowless

if TYPE_CHECKING:
    from mien_pipeline.clip_options import ClipFormat


class SwapsClips(Protocol):
    """What makes the result of a clip."""

    async def swap(self, clip: Path, made: Path) -> Mapping[str, Any]:
        """Have the clip swapped into the file `made`; the report."""
        ...


@dataclass(frozen=True, slots=True)
class ClipCommand:
    """What `mien swap` is told beside the clip and where it goes; `log` takes what it says to a person."""

    words: Sequence[str]
    log: IO[bytes] | None = None

    async def swap(self, clip: Path, made: Path) -> Mapping[str, Any]:
        """Have the clip swapped into the file `made`; the report.

        Raises:
            MienError: as `mien swap` refuses the clip.
        """
        process = await asyncio.create_subprocess_exec(
            *command_for("batch-clip"),
            *(str(clip), *self.words, "-o", str(made), "--local", "--json"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=self.log,
            **windowless(),
        )
        try:
            if process.stdout is None:
                raise RuntimeError("the clip's process has no pipe")
            answer = await process.stdout.read()
            status = await process.wait()
        finally:
            if process.stdin is not None:
                process.stdin.close()  # a process that still works ends by that
            await process.wait()
        document = json.loads(answer) if answer else {}
        if status != 0:
            raise error_for(document) if "code" in document else MienError(f"the clip's process ended with {status}")
        return dict(document)


def list_words(args: Namespace) -> list[str]:
    """The words of a run's command line that a swap of one clip has too; its format is in its result's name."""
    words = [word for face in args.face for word in ("--face", face)]
    words += [word for choice in args.faces or () for word in ("--faces", choice)]
    words += [word for setting in args.set if not is_format(setting) for word in ("--set", setting)]
    words += ["--engine", args.engine] if args.engine else []
    words += ["--seed", str(args.seed), "--restore", str(args.restore)]
    words += ["--restorer", args.restorer, "--fidelity", str(args.fidelity)]
    words += [word for mask in args.mask for word in ("--mask", mask)]
    words += ["--detector", args.detector, "--recogniser", args.recogniser]
    words += [word for said, value in list_clip_settings(args) for word in (f"--{said}", value)]
    words += ["--basis", args.basis] if args.basis else []
    words += ["--adult"] if args.adult else []
    words += ["--offline"] if args.offline else []
    words += ["--state-dir", args.state_dir] if args.state_dir else []
    return words + (["--models-dir", args.models_dir] if args.models_dir else [])


def turn_into_swap(args: Namespace, clip: Path, made: Path) -> Namespace:
    """The arguments of a run as `mien swap` has them of the words of `list_words`."""
    own = {"target": clip, "output": str(made), "exists": None, "json": True, "fallback": False}
    return Namespace(**{**vars(args), **own, "set": [each for each in args.set if not is_format(each)]})


def split_format(args: Namespace) -> tuple[Namespace, ClipFormat]:
    """(the arguments as pictures take them, the format of the clips' results).

    A format that pictures do not have leaves them theirs, and one that clips do not have leaves MP4.
    """
    from mien_cli.edit_arguments import parse_setting
    from mien_pipeline.clip_options import split_clip_options

    said = [parse_setting(setting) for setting in args.set if is_format(setting)]
    of_pictures, of_clips = split_clip_options(dict(said))
    if not of_pictures:
        args = Namespace(**{**vars(args), "set": [setting for setting in args.set if not is_format(setting)]})
    return args, cast("ClipFormat", of_clips.get("format", "mp4"))


def is_format(setting: str) -> bool:
    return setting.partition("=")[0] == "format"


def list_clip_settings(args: Namespace) -> list[tuple[str, str]]:
    """What was said of clips alone: (option, value) each."""
    given = (
        *(("from", args.begin), ("to", args.end), ("encoder", args.encoder), ("quality", args.quality)),
        ("every", args.every),
    )
    return [(said, str(value)) for said, value in given if value is not None]


def describe_people(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The people of a clip as the faces of a picture are told."""
    return [
        {
            "swapped": bool(person["swapped"]),
            "identity": person.get("identity"),
            "verdict": person.get("verdict"),
            "warnings": list(person.get("warnings") or ()),
        }
        for person in report.get("people", ())
    ]
