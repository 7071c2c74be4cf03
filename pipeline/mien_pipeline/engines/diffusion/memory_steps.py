"""From one memory plan to the next smaller one, where the device ran out of memory, and what is kept of that."""

from collections.abc import Callable
from dataclasses import replace
from typing import Protocol

from mien_core.errors import GpuOutOfMemory, NotEnoughMemory
from mien_pipeline.device import Device
from mien_pipeline.face import Patch
from mien_pipeline.memory_limits import MemoryLimits, identify
from mien_pipeline.plan.component import PHASES
from mien_pipeline.plan.placement import Plan, total_for

# A plan counts as smaller when it has this share less of weights on the device: sums of weights are exact to less.
STEP = 1 / 20


class PlannedNetworks(Protocol):
    """An engine's networks, held as a memory plan says."""

    device: Device
    plan: Plan

    def plan_for(self, device: Device) -> Plan:
        """The plan for these networks on another device, at the same size; raises `NotEnoughMemory`."""
        ...

    def replan(self, plan: Plan) -> None:
        """Hold the networks as another plan says; those in memory are given up first."""
        ...


class MemorySteps:
    """Steps an engine's networks down their ladder of plans."""

    def __init__(self, engine: str, stack: PlannedNetworks) -> None:
        self._engine = engine
        self._stack = stack
        self._limits: MemoryLimits | None = None

    def remember(self, limits: MemoryLimits) -> None:
        """Plan with the limit that is kept for this machine, and keep those that are found from now on."""
        self._limits = limits
        usable = limits.read(self._engine, identify(self._stack.device))
        if usable is not None and usable < self._stack.plan.peak_bytes and (plan := self._plan_within(usable)):
            self._stack.replan(plan)

    def step_down(self) -> bool:
        """Let the stack hold its networks in less memory than now; False where no plan is smaller."""
        now = self._stack.plan
        busiest = max(PHASES, key=now.phase_bytes)
        usable = now.peak_bytes - max(1, int(STEP * (now.peak_bytes - now.activations(busiest))))
        plan = self._plan_within(usable)
        if plan is None:
            return False
        self._stack.replan(plan)
        if self._limits:
            self._limits.write(self._engine, identify(self._stack.device), usable)
        return True

    def render(self, once: Callable[[], Patch], forget: Callable[[], None]) -> Patch:
        """The patch of `once`, called again with less memory each time that the device ran out; it then warns.

        Args:
            forget: gives up what was computed on the device; called before `once` is called again.

        Raises:
            GpuOutOfMemory: no smaller plan is left.
        """
        stepped_down = False
        while True:
            try:
                patch = once()
            except GpuOutOfMemory as error:
                # Another one: this one's traceback holds what was computed on the device.
                refusal = GpuOutOfMemory(str(error), **error.fields)
            else:
                return replace(patch, warnings=(*patch.warnings, "less-memory")) if stepped_down else patch
            forget()
            if not self.step_down():
                raise refusal
            stepped_down = True

    def _plan_within(self, usable_bytes: int) -> Plan | None:
        try:
            return self._stack.plan_for(with_usable(self._stack.device, usable_bytes))
        except NotEnoughMemory:
            return None


class LastStep(MemorySteps):
    """There is no smaller plan."""

    def step_down(self) -> bool:
        return False


def with_usable(device: Device, usable_bytes: int) -> Device:
    """The device as a plan sees it that may use so many bytes of it."""
    return replace(device, total_bytes=total_for(device.kind, usable_bytes))
