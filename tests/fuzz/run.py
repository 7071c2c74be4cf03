"""Follow coverage through one target: `python tests/fuzz/run.py TARGET FOLDER [libFuzzer's options]`.

FOLDER gets the inputs that reached new code; an input that is a finding is written beside it. Needs atheris, which has
wheels for Linux: `pip install 'mien[fuzz]'`.
"""

import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(  # pyright: ignore[reportAttributeAccessIssue] - it has no types
    include=["PIL", "mien_api", "mien_core", "mien_daemon", "mien_models", "mien_pipeline"]
):
    from mien_testing.fuzz_targets import MAX_BYTES, every_target, try_input


def main() -> None:
    name, folder, *options = sys.argv[1:]
    corpus = Path(folder)
    corpus.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as state, every_target(Path(state)) as targets:
        target = targets[name]
        for number, seed in enumerate(target.seeds()):
            (corpus / f"seed-{number}").write_bytes(seed)
        limits = [f"-max_len={MAX_BYTES}", "-timeout=20", "-rss_limit_mb=4096", "-print_final_stats=1"]
        atheris.Setup(
            [sys.argv[0], *limits, f"-artifact_prefix={corpus}.finding-", *options, str(corpus)],
            lambda data: try_input(target, data),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
