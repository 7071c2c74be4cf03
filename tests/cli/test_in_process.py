"""What commands share that work in their own process: flags reach the store, and only what is missing is fetched."""

import gc
import subprocess
import sys
from argparse import Namespace
from functools import partial
from pathlib import Path

import pytest

from mien_cli.in_process import (
    claim_process,
    fetch_missing,
    fetch_needed,
    list_pictures,
    load_config,
    open_runtime,
    open_store,
    read_picture,
)
from mien_core.errors import ImageTooLarge, InvalidImage, Offline
from mien_pipeline.media import probe
from mien_testing.stand_in import returning


def flags(folder: Path, *, offline: bool = True) -> Namespace:
    return Namespace(state_dir=str(folder / "s"), models_dir=str(folder / "m"), offline=offline, owns_process=False)


def test_flags_come_before_the_environment(folders: Path) -> None:
    config = load_config(flags(folders))
    assert (config.folders.state, config.folders.models) == (folders / "s", folders / "m")
    assert config.settings.offline
    store = open_store(flags(folders))
    assert (store.root, store.offline) == (folders / "m", True)


def test_what_is_missing_is_refused_offline_without_a_word_of_fetching(
    folders: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Offline):
        fetch_missing(open_store(flags(folders)), ["face-detection"], quiet=True)
    assert "Fetching" not in capsys.readouterr().err


def test_nothing_is_fetched_and_nothing_said_where_all_is_there(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = open_store(Namespace(state_dir=None, models_dir=None, offline=True))
    fetch_missing(store, ["face-detection"], quiet=False)
    fetch_needed(store, "inswapper", quiet=False)  # its own weights are not: they are pulled by name
    assert capsys.readouterr() == ("", "")


def test_the_state_folder_is_this_users_alone(here: Path) -> None:
    args = Namespace(state_dir=None, models_dir=None, offline=True, owns_process=False)
    open_runtime(args, open_store(args))
    assert (here / "state").stat().st_mode & 0o777 == 0o700


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "picture.png").write_bytes(b"bytes")
    assert read_picture(tmp_path / "picture.png") == b"bytes"
    for name in ("absent.png", "."):
        with pytest.raises(InvalidImage) as refused:
            read_picture(tmp_path / name)
        assert refused.value.fields["file"] == str(tmp_path / name)


def test_a_file_with_more_bytes_than_any_picture_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "huge.png"
    with path.open("wb") as file:
        file.truncate(probe.MAX_FILE_BYTES + 1)
    with pytest.raises(ImageTooLarge) as refused:
        read_picture(path)
    assert refused.value.fields["limit_bytes"] == probe.MAX_FILE_BYTES


def test_the_pictures_of_a_folder_are_one_persons_and_what_else_lies_there_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Cameras, telephones and file managers lay clips, notes and previews beside pictures."""
    for name, head in (
        ("b.png", b"\x89PNG\r\n\x1a\n"),
        ("a.jpg", b"\xff\xd8\xff"),
        ("Thumbs.db", b"\xd0\xcf\x11\xe0"),
        ("a.mov", b"\0\0\0\x14ftypqt  "),
        (".hidden.jpg", b"\xff\xd8\xff"),
        ("empty.jpg", b""),
    ):
        (tmp_path / name).write_bytes(head)
    (tmp_path / "older").mkdir()
    assert [path.name for path in list_pictures([tmp_path])] == ["a.jpg", "b.png"]
    told = capsys.readouterr().err
    assert all(name in told for name in ("Thumbs.db", "a.mov", "empty.jpg"))
    assert "hidden" not in told
    assert list_pictures([tmp_path / "Thumbs.db"]) == [tmp_path / "Thumbs.db"], "a file that is named is meant"


def test_a_folder_without_a_picture_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("none")
    with pytest.raises(InvalidImage) as refused:
        list_pictures([tmp_path])
    assert refused.value.fields == {"file": str(tmp_path)}


# What one swap with the embedded engine has no use for; each was imported once, and cost every first swap.
UNUSED = {
    "aiohttp",
    "asyncio",
    "http.client",
    "mien_api.client",
    "mien_models.exchange.import_export",
    "mien_models.install",
    "mien_pipeline.engines.flux",
    "mien_pipeline.engines.onnx",
    "mien_pipeline.plan",
    "mien_pipeline.restorers.vivid",
    "psutil",
    "ssl",
    "torch",
    "urllib.request",
}


def test_a_swap_in_this_process_imports_nothing_that_it_does_not_use(folders: Path) -> None:
    code = (
        "import sys; from argparse import Namespace; from mien_cli.edit_arguments import read_options;"
        "from mien_pipeline.engines.registry import ENGINES, parse_options; parse_options({'engine': 'mesh'});"
        "from mien_cli.in_process import open_store;"
        f"open_store(Namespace(state_dir={str(folders / 's')!r}, models_dir={str(folders / 'm')!r}, offline=True));"
        "import mien_pipeline.runtime, mien_pipeline.trust.authority, mien_pipeline.engines.mesh.engine;"
        f"print(*sorted({UNUSED!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_only_a_process_of_its_own_leaves_garbage_alone_while_it_imports_and_keeps_memory(
    here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for name in ("disable", "freeze", "enable"):
        monkeypatch.setattr(gc, name, partial(calls.append, name))
    monkeypatch.setattr("mien_core.freed_memory.keep_freed_memory", partial(calls.append, "keep"))
    monkeypatch.setattr("mien_cli.in_process.close_cage", returning(None))
    for owns_process, expected in ((False, []), (True, ["disable", "keep", "freeze", "enable"])):
        args = Namespace(state_dir=None, models_dir=None, offline=True, owns_process=owns_process)
        claim_process(args)
        open_runtime(args, open_store(args))
        assert calls == expected
