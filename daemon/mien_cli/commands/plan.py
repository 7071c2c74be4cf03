"""`mien plan`: what runs here and what to download; for a machine that is described, where each network would be."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

    from mien_pipeline.plan.placement import Plan

DESCRIPTION = (
    "What runs on this machine and what to download for it. With --vram the memory plan of an engine: every component, "
    "its number format, where it lives, the peak."
)
GIB = 1 << 30


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--vram", type=float, metavar="GIB", help="memory of a card, or of a Mac, to plan for (default: this machine)"
    )
    parser.add_argument(
        "--device",
        choices=("discrete", "unified", "cpu"),
        default="discrete",
        help="a card with its own memory, a machine that shares one, or none at all (default: %(default)s)",
    )
    parser.add_argument(
        "--ram",
        type=float,
        metavar="GIB",
        help="main memory beside that card; a plan that does not fit it is refused (default: this machine's)",
    )
    parser.add_argument(
        "--forget-limits", action="store_true", help="plan with all memory again where an engine once ran out of it"
    )
    parser.add_argument("--engine", default="flux", help="see `mien engines` (default: %(default)s)")
    parser.add_argument(
        "--side", type=int, default=1024, metavar="PX", help="side of the working square (default: %(default)s)"
    )
    parser.set_defaults(run=run)


def run(args: Namespace) -> int:
    if args.forget_limits:
        return forget_limits(args)
    if args.vram is None:
        return advise(args)
    from mien_cli.output import print_answer

    plan = make_plan(args)
    return print_answer(args, {"engine": args.engine, **plan.as_json()}, to_text(args.engine, plan))


def advise(args: Namespace) -> int:
    """Print what runs on this machine."""
    from mien_cli import machine_advice
    from mien_cli.in_process import open_limits, open_store
    from mien_cli.output import print_answer
    from mien_pipeline.accelerator import see_accelerator

    found = machine_advice.describe_machine(open_store(args), see_accelerator(), open_limits(args).read_all())
    return print_answer(args, found, machine_advice.to_text(found))


def forget_limits(args: Namespace) -> int:
    """Forget how much memory was too much, and print what was known."""
    from mien_cli.in_process import load_config, open_limits
    from mien_cli.output import print_answer
    from mien_core.files import naming_disk_errors

    limits = open_limits(args)
    known = limits.read_all()
    with naming_disk_errors(load_config(args).folders.state):
        limits.forget()
    said = [f"forgotten: {each.engine} planned with {each.usable_bytes / GIB:.1f} GiB" for each in known]
    return print_answer(args, {"forgotten": [asdict(each) for each in known]}, "\n".join(said) or "nothing was kept")


def make_plan(args: Namespace) -> Plan:
    """The plan that the engine itself would make on the machine that the flags describe.

    Where main memory was not described and this machine's is too small, the plan is shown all the same, and says so.

    Raises:
        UnknownEngine, InvalidOptions: `field` names the one.
        NotEnoughMemory: no plan fits; `would_fit` names what would.
    """
    from mien_core.errors import InvalidOptions, UnknownEngine
    from mien_pipeline.engines.registry import ENGINES
    from mien_pipeline.plan import fit
    from mien_pipeline.plan.component import Component

    if args.engine not in ENGINES:
        raise UnknownEngine(f"there is no engine called {args.engine!r}", field="engine", known=sorted(ENGINES))
    if args.vram <= 0:
        raise InvalidOptions("memory is a number of GiB above 0", field="vram")
    if args.ram is not None and args.ram <= 0:
        raise InvalidOptions("main memory is a number of GiB above 0", field="ram")
    if not 256 <= args.side <= 2048:
        raise InvalidOptions("the working side is 256 to 2048 pixels", field="side")
    memory = int(args.vram * GIB)
    if args.engine == "flux":
        return plan_flux(args, memory)
    if args.engine == "klein":
        return plan_klein(args, memory)
    # The others are small enough to be held whole; what they need includes what they work with.
    parameters = ENGINES[args.engine].memory_bytes // 4
    component = Component("networks", "identity", parameters, 0, parameters)
    return fit.make_plan((component,), fit.Hardware(args.device, memory, width=0), side=args.side)


def plan_flux(args: Namespace, memory: int) -> Plan:
    """The memory plan of the stack on a device with so many bytes."""
    from mien_cli.in_process import open_store
    from mien_pipeline.engines.flux.components import plan_stack, published_shapes
    from mien_pipeline.engines.flux.forms import forms_of

    shapes, forms = published_shapes(), forms_of(open_store(args))
    return plan_for_host(args, lambda host: plan_stack(shapes, args.device, memory, forms, args.side, host))


def plan_klein(args: Namespace, memory: int) -> Plan:
    """The same of FLUX.2 [klein]: of the installed transformers, or of full weights where there is none."""
    from mien_cli.in_process import open_store
    from mien_pipeline.engines.diffusion.manifest import manifest
    from mien_pipeline.engines.klein.components import LORA, plan_installed, published_shapes
    from mien_pipeline.engines.klein.files import locate

    shapes = {**published_shapes(), LORA: manifest("bfs-head-klein-4b")}
    files = locate(open_store(args))
    full, packed = files.transformer is not None or not files.packed, list(files.packed)
    return plan_for_host(
        args,
        lambda host: plan_installed(shapes, args.device, memory, args.side, host, full=full, packed=packed),
    )


def plan_for_host(args: Namespace, plan: Callable[[int | None], Plan]) -> Plan:
    """The plan for the main memory of the flags or of this machine; where this machine's is too small, regardless."""
    from mien_core.errors import NotEnoughMemory
    from mien_pipeline.device import installed_memory

    host = installed_memory() if args.ram is None else int(args.ram * GIB)
    try:
        return plan(host)
    except NotEnoughMemory as error:
        if args.ram is not None or error.fields.get("memory") != "main":
            raise
    return replace(plan(None), host_total_bytes=host)


def to_text(engine: str, plan: Plan) -> str:
    """The plan as a table for people."""
    from rich.console import Console
    from rich.table import Table

    from mien_pipeline.plan.component import PHASES

    table = Table("network", "when", "as", "where", "at work", "elsewhere", title=f"{engine} at {plan.side} px, GiB")
    for each in plan.placements:
        table.add_row(
            each.component.name,
            each.component.phase,
            each.form,
            each.residency,
            f"{each.accelerator_bytes / GIB:.2f}",
            f"{each.host_bytes / GIB:.2f}" if each.host_bytes else "",
        )
    console = Console(width=80)
    with console.capture() as drawn:
        console.print(table)
    vae = "in tiles" if plan.tiled else "whole"
    busiest = max(PHASES, key=plan.phase_bytes)
    return (
        f"{drawn.get()}Peak ({busiest}) {plan.peak_bytes / GIB:.1f} of {plan.usable_bytes / GIB:.1f} GiB usable, "
        f"the VAE {vae}; {plan.host_bytes / GIB:.1f} GiB elsewhere.\n"
        f"{_say_main_memory(plan)}Activations are estimated, not measured."
    )


def _say_main_memory(plan: Plan) -> str:
    """What a card's machine needs in main memory, as a sentence; empty where that is not planned."""
    if plan.usable_host_bytes is None:
        return ""
    needed, usable = plan.host_peak_bytes / GIB, plan.usable_host_bytes / GIB
    verdict = "" if plan.fits_host else ": too few here, and the engine would refuse"
    return f"Main memory: {needed:.1f} of {usable:.1f} GiB usable{verdict}.\n"
