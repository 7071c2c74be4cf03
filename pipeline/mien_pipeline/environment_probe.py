"""What an engine's environment says of itself: run by its own Python, after it was made."""

import json
import sys


def main() -> None:
    import torch

    from mien_pipeline.device import device_name

    sys.stdout.write(json.dumps({"torch": str(torch.__version__), "device": device_name()}))


if __name__ == "__main__":
    main()
