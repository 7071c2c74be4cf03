"""Write the table by which `auto` picks, from the committed evaluation: `python pipeline/scripts/write_measured.py`."""

import json
from pathlib import Path

from mien_models.catalogue.entries import load_catalogue
from mien_pipeline.choice import measured
from mien_pipeline.engines.onnx.entry import list_entries
from mien_pipeline.engines.registry import find_engines

ROOT = Path(__file__).parents[1]
CASES = ROOT / "evaluation/cases.jsonl"
TABLE = Path(measured.__file__).with_name(measured.FILE)


def generate() -> str:
    """The table's file, with a row for every engine of this version."""
    lines = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]
    engines = find_engines((), list_entries(load_catalogue()))
    return measured.to_json(measured.make_table(lines, engines))


if __name__ == "__main__":
    TABLE.write_text(generate(), encoding="utf-8", newline="\n")
