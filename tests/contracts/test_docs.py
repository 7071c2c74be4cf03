"""What the README tells a person to type does what it says."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import PIL.Image
import pytest

from mien_api.client import DaemonClient
from mien_models.store import ModelStore
from mien_testing.started import until_ready

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def example(name: str) -> str:
    """The code block below `<!-- name -->`."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, f"the README has no {name}"
    return found.group(1)


@pytest.fixture
def album(tmp_path: Path, models: ModelStore) -> Iterator[tuple[Path, dict[str, str], DaemonClient]]:
    """A folder with the README's two photographs, the environment to run in, and a daemon that listens."""
    for name, portrait in {"holiday.jpg": "grace_hopper.jpg", "me.jpg": "astronaut.png"}.items():
        with PIL.Image.open(models.path("demo-portraits", portrait)) as picture:
            picture.convert("RGB").save(tmp_path / name, quality=90)
    environ = os.environ | {
        "MIEN_STATE_DIR": str(tmp_path / "state"),
        "MIEN_MODELS_DIR": str(models.root),
        "MIEN_OFFLINE": "1",
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    command = [sys.executable, "-m", "mien_cli", "serve", "--foreground", "--port", "0"]
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as daemon:
        try:
            yield tmp_path, environ, until_ready(tmp_path / "state", timeout_s=60)
        finally:
            daemon.terminate()


def test_the_curl_example_swaps_a_face(album: tuple[Path, dict[str, str], DaemonClient]) -> None:
    folder, environ, daemon = album
    script = example("curl example").replace("127.0.0.1:6436", f"127.0.0.1:{daemon.port}")
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environ, check=True)
    with PIL.Image.open(folder / "holiday-me.jpg") as made, PIL.Image.open(folder / "holiday.jpg") as target:
        assert made.size == target.size


def test_the_python_example_swaps_a_face(album: tuple[Path, dict[str, str], DaemonClient]) -> None:
    folder, environ, _ = album
    code = example("python example")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=folder, env=environ, check=True, capture_output=True, text=True
    )
    assert "to_reference" in done.stdout
    assert (folder / "holiday-me.jpg").exists()


def test_the_first_swap_of_the_readme_is_the_same_picture_with_a_daemon_and_without(
    album: tuple[Path, dict[str, str], DaemonClient],
) -> None:
    folder, environ, daemon = album
    reports: list[dict[str, Any]] = []
    for output, local in (("by-daemon.png", []), ("by-hand.png", ["--local"])):
        command = ["mien", "swap", "holiday.jpg", "--face", "me.jpg", "-o", output, *local, "--json"]
        done = subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)
        reports.append(json.loads(done.stdout))
    assert len(daemon.request("GET", "/v1/jobs")["jobs"]) == 1
    timing = {"output", "seconds", "stages"}
    one, other = ({key: report[key] for key in report.keys() - timing} for report in reports)
    assert one == other
    with PIL.Image.open(folder / "by-daemon.png") as picture, PIL.Image.open(folder / "by-hand.png") as same:
        assert picture.tobytes() == same.tobytes()


def test_the_batch_example_swaps_a_folder_and_goes_on(album: tuple[Path, dict[str, str], DaemonClient]) -> None:
    """The real pipeline; a clip among the pictures is refused by name, and ends nothing."""
    folder, environ, daemon = album
    (folder / "holidays/2026").mkdir(parents=True)
    (folder / "holiday.jpg").rename(folder / "holidays/2026/holiday.jpg")
    (folder / "holidays/clip.mp4").write_bytes(b"\0\0\0\x18ftypisom" + bytes(40))
    for state in ("done", "skipped"):
        done = subprocess.run(["bash", "-c", example("batch example")], cwd=folder, env=environ, check=False)
        assert done.returncode == 3
        report = json.loads((folder / "holidays-me/report.json").read_bytes())
        told = {item["input"]: (item["state"], item["code"]) for item in report["items"]}
        assert told["holidays/2026/holiday.jpg"] == (state, None)
        assert told["holidays/clip.mp4"][0] == "failed"
    assert (folder / "holidays-me/2026/holiday-me.jpg").is_file()
    assert daemon.request("GET", "/v1/jobs")["jobs"] == []
    page = (folder / "holidays-me/report.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg;base64,") == 2


@pytest.mark.parametrize("by", ["the daemon", "this process"])
def test_the_library_example_swaps_a_face(album: tuple[Path, dict[str, str], DaemonClient], by: str) -> None:
    folder, environ, _ = album
    elsewhere = {"MIEN_STATE_DIR": str(folder / "own")} if by == "this process" else {}
    script = example("library example")
    subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=folder, env=environ | elsewhere, check=True)
    with PIL.Image.open(folder / "holiday-me.jpg") as made, PIL.Image.open(folder / "holiday.jpg") as target:
        assert made.size == target.size


def test_the_readme_has_the_command_that_the_continuous_check_runs() -> None:
    assert ".venv/bin/pytest" in example("test command")
    assert "test command" in (ROOT / ".ci/run").read_text(encoding="utf-8")


def test_every_page_that_the_readmes_link_is_there() -> None:
    for page in [ROOT / "README.md", *ROOT.glob("*/README.md")]:
        for link in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)} links {link}"


# Pages that a contributor reads, and what a path in them looks like.
PAGES = ("CONTRIBUTING.md", "SECURITY.md", "README.md", "pipeline/README.md", "daemon/README.md", "tray/README.md")
A_PATH = re.compile(r"`((?:pipeline|daemon|tray|extension|installers|tests)/[\w./-]+)`")


@pytest.mark.parametrize("page", PAGES)
def test_every_path_that_a_page_names_is_there(page: str) -> None:
    """A newcomer is sent to no room that moved."""
    named = A_PATH.findall((ROOT / page).read_text(encoding="utf-8"))
    assert not [path for path in named if not (ROOT / path).exists()]


def test_every_session_that_the_pages_name_is_one_of_nox() -> None:
    listed = subprocess.run(
        [sys.executable, "-m", "nox", "-l"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    sessions = set(re.findall(r"^[*-] (\w+)", listed, re.MULTILINE))
    pages = "".join((ROOT / page).read_text(encoding="utf-8") for page in PAGES)
    named = {name for words in re.findall(r"nox -s ([a-z ]+)`", pages) for name in words.split()}
    assert named
    assert named <= sessions
