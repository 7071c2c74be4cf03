"""From one memory plan to the next smaller one, where the device ran out of memory, and what is kept of that."""

from dataclasses import replace

from mien_core.errors import NotEnoughMemory
from mien_pipeline.device import Device
from mien_pipeline.engines.flux.plan import plan_memory
from mien_pipeline.engines.flux.stack import Stack
from mien_pipeline.memory_limits import MemoryLimits, identify
from mien_pipeline.plan.component import PHASES
from mien_pipeline.plan.placement import Plan, total_for

# A plan counts as smaller when it has this share less of weights on the device: sums of weights are exact to less.
STEP = 1 / 20


class MemorySteps:
    """Steps a stack down its ladder of plans."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        self._limits: MemoryLimits | None = None

    def remember(self, limits: MemoryLimits) -> None:
        """Plan with the limit that is kept for this machine, and keep those that are found from now on."""
        self._limits = limits
        usable = limits.read("flux", identify(self._stack.device))
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
            self._limits.write("flux", identify(self._stack.device), usable)
        return True

    def _plan_within(self, usable_bytes: int) -> Plan | None:
        stack, now = self._stack, self._stack.plan
        try:
            return plan_memory(stack.files, with_usable(stack.device, usable_bytes), now.side, now.host_total_bytes)
        except NotEnoughMemory:
            return None


def with_usable(device: Device, usable_bytes: int) -> Device:
    """The device as a plan sees it that may use so many bytes of it."""
    return replace(device, total_bytes=total_for(device.kind, usable_bytes))
