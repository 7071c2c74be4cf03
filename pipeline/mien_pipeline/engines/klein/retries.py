"""What a further try changes: the noise first, because it costs nothing, and the LoRA last, which is loaded anew."""

from collections.abc import Iterator

from mien_pipeline.engines.klein.options import SEED_STEP, KleinOptions

MORE_STEPS = 8
STRONGER, STRONGEST = 1.2, 2.0


def plan_tries(options: KleinOptions) -> Iterator[KleinOptions]:
    """The options of each try, the first as they were asked for; every further one adds a change to those before.

    There is no strength to change: every run begins with pure noise.
    """
    yield options
    changes = (
        {"repeats": options.repeats},
        {"repeats": max(2, options.repeats)},
        {"steps": max(MORE_STEPS, options.steps)},
        {"lora_scale": min(STRONGEST, options.lora_scale * STRONGER)},
    )
    for turn, change in enumerate(changes[: options.retries], start=1):
        seed = (options.seed + turn * SEED_STEP) % (1 << 63)
        options = options.model_copy(update=change)
        yield options.model_copy(update={"seed": seed})
