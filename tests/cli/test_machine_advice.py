"""`mien plan` alone tells a person what runs here, what it costs to fetch, and the one command that fetches it."""

import json
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from mien_cli.machine_advice import describe_machine, to_text
from mien_cli.main import main
from mien_models.store import ModelStore
from mien_pipeline.accelerator import Accelerator
from mien_pipeline.engines.registry import ENGINES
from mien_pipeline.memory_limits import Limit

GIB = 1 << 30
CARD = Accelerator("cuda", "discrete", "NVIDIA H200", 139 * GIB, "580.65")


def said_of(engine: str, models: ModelStore, machine: Accelerator) -> str:
    text = to_text(describe_machine(models, machine))
    return " ".join(text.partition(f"\n{engine}\n")[2].partition("\n\n")[0].split())


def test_a_card_that_holds_it_is_told_how_what_to_fetch_and_the_command(models: ModelStore) -> None:
    said = said_of("flux", models, CARD)
    assert said.startswith("It fits: ")
    assert "the transformer as bfloat16, resident." in said
    assert "not measured on this machine" in said
    assert re.search(r"about 4\d\.\d GiB, under FLUX\.1 \[dev\]", said)
    assert said.endswith("mien models pull flux-dev")
    assert "NVIDIA H200 with 139.0 GiB, driver 580.65" in to_text(describe_machine(models, CARD))


def test_a_machine_that_cannot_hold_it_is_not_told_to_fetch_it(models: ModelStore) -> None:
    said = said_of("flux", models, Accelerator("cpu", "cpu", "cpu", 4 * GIB))
    assert said.startswith("It does not fit this machine.")
    assert "mien models pull" not in said


def test_a_card_whose_memory_is_not_seen_is_told_so(models: ModelStore) -> None:
    said = said_of("flux", models, Accelerator("xpu", "discrete", "xpu", None))
    assert said.startswith("Whether it fits is known once torch")
    assert said.endswith("mien models pull flux-8gb")


def test_what_is_installed_is_not_fetched_again(models: ModelStore) -> None:
    said = said_of("mesh", models, CARD)
    assert "Its models are installed." in said
    assert "mien models pull" not in said


def test_a_limit_that_was_learned_here_is_told_planned_with_and_can_be_cleared(models: ModelStore) -> None:
    """That of another card is not this machine's."""
    torch = version("torch")

    def describe(card: str) -> dict[str, Any]:
        limit = Limit("flux", 20 * GIB, {"torch": torch, "driver": "580.65", "card": card, "bytes": 1})
        return describe_machine(models, CARD, [limit])

    said = to_text(describe("NVIDIA H200"))
    assert "It ran out of memory here before and plans with 20.0 GiB since" in " ".join(said.split())
    assert "mien plan --forget-limits" in said
    flux = {
        card: next(each for each in describe(card)["engines"] if each["name"] == "flux")
        for card in ("NVIDIA H200", "another card")
    }
    assert [flux[card]["limit_bytes"] for card in flux] == [20 * GIB, None]
    assert flux["NVIDIA H200"]["usable_bytes"] == 20 * GIB > flux["NVIDIA H200"]["peak_bytes"]


def test_the_command_describes_this_machine_without_torch(models: ModelStore, tmp_path: Path) -> None:
    code = (
        "import sys; from mien_cli.main import main; status = main(sys.argv[1:])\n"
        "sys.exit('torch was imported' if 'torch' in sys.modules else status)"
    )
    words = ["plan", "--json", "--models-dir", str(models.root), "--state-dir", str(tmp_path)]
    done = subprocess.run([sys.executable, "-c", code, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert [each["name"] for each in found["engines"]] == list(ENGINES)
    assert found["machine"]["total_bytes"] > GIB


def test_the_command_speaks_in_lines_of_80_columns(
    models: ModelStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["plan", "--models-dir", str(models.root), "--state-dir", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "This machine computes on" in said
    assert max(len(line) for line in said.splitlines() if "mien" not in line) <= 80
