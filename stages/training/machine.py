"""What a machine can hold and how fast it computes: measured on this one, assumed and said so for another."""

import os
import time
from dataclasses import dataclass
from statistics import median

import torch
from torch import nn

from pipeline.compute import Compute

GIB = 2**30

# What is left of a GPU: the driver's context and a desktop, then gaps between blocks and what cuDNN borrows. Assumed.
GPU_TAKEN, GPU_SLACK = round(0.75 * GIB), 1.15
# What is left of a computer: the system, and this program with its libraries (0.8 GiB measured); then gaps between
# blocks and what oneDNN borrows: of five trainings, counted at 0.25 to 3.6 GiB, processes held 0.11 to 0.44 GiB more,
# 3 to 43 % of the count.
COMPUTER_TAKEN, COMPUTER_SLACK = 2 * GIB, 1.45

# Multiplications and additions a second that a convolutional network gets out of a GPU, from a laptop's of 2018 to a
# workstation's of 2024. Assumed: no GPU was measured for this.
ASSUMED_GPU = (4e12, 40e12)
# Seconds from one operator to the next where the GPU is never busy for longer, views counted as well. Assumed likewise.
GPU_START = (2e-6, 1e-5)

# A convolution as the middle of our networks has them: pixels a side, channels, pictures.
_SIDE, _CHANNELS, _BATCH = 64, 256, 2
_WARM_UP, _TIMED = 1, 3
LEAST_SHARE = 0.5  # of a good convolution's speed: thin layers and what lies between take longer for their arithmetic


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """Arithmetic a second, as the counter of `step_cost` counts it."""

    slow: float
    fast: float
    start: tuple[float, float]  # seconds that every operator takes, however small: at least, at most
    source: str  # where the numbers come from, for people

    def seconds(self, flops: float, operators: float) -> tuple[float, float]:
        """The least and the most time for so much arithmetic in so many operators."""
        least, most = (operators * start for start in self.start)
        return max(least, flops / self.fast), most + flops / self.slow


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """Where a training is to run."""

    name: str
    compute: Compute
    memory: int | None  # bytes in all, of the GPU or of the computer; None where the system does not say
    speed: Speed
    here: bool  # steps can be timed

    @property
    def room(self) -> int | None:
        """Bytes that the tensors of a training step may take; None where the memory is not known."""
        if self.memory is None:
            return None
        taken, slack = self._overhead
        return max(0, int((self.memory - taken) / slack))

    def with_slack(self, step_bytes: int) -> int:
        """Bytes of memory to have for a step whose tensors take so many."""
        taken, slack = self._overhead
        return taken + int(step_bytes * slack)

    @property
    def _overhead(self) -> tuple[int, float]:
        return (GPU_TAKEN, GPU_SLACK) if self.compute.device == "cuda" else (COMPUTER_TAKEN, COMPUTER_SLACK)


def this_machine(compute: Compute) -> Machine:
    """The device that was resolved, with its memory, and the speed of a convolution on it (takes about a second)."""
    on_gpu = compute.device == "cuda"
    return Machine(
        name=torch.cuda.get_device_name() if on_gpu else f"the processor ({torch.get_num_threads()} threads)",
        compute=compute,
        memory=memory_of(compute),
        speed=measured_speed(compute),
        here=True,
    )


def memory_of(compute: Compute) -> int | None:
    """Bytes of memory in all, of the GPU or of the computer; None where the system does not say."""
    if compute.device == "cuda":
        return int(torch.cuda.get_device_properties(0).total_memory)
    return _computer_memory()


def card_of(gib: float, seed: int = 0) -> Machine:
    """A GPU with so many GiB that is not in this machine; taken to compute in bfloat16, as those since 2020 do."""
    compute = Compute("cuda", "bfloat16", seed, "assumed: GPUs since about 2020 compute in bfloat16")
    slow, fast = ASSUMED_GPU
    source = f"not measured on this machine; assumed: {slow / 1e12:.0f} to {fast / 1e12:.0f} TFLOP/s"
    speed = Speed(slow=slow, fast=fast, start=GPU_START, source=source)
    return Machine(name=f"a GPU of {gib:g} GiB", compute=compute, memory=round(gib * GIB), speed=speed, here=False)


def measured_speed(compute: Compute) -> Speed:
    """Time a convolution forwards and backwards."""
    layer = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1).to(compute.device)
    picture = torch.ones(_BATCH, _CHANNELS, _SIDE, _SIDE, device=compute.device, requires_grad=True)
    taken = []
    for _ in range(_WARM_UP + _TIMED):
        begun = time.perf_counter()
        with compute.autocast():
            loss = layer(picture).float().sum()
        loss.backward()
        wait_for(compute)
        taken.append(time.perf_counter() - begun)
    forward = 2 * _BATCH * _SIDE**2 * _CHANNELS**2 * 9
    fast = 3 * forward / median(taken[_WARM_UP:])  # as much again for the gradient of input and of weights each
    source = f"measured: a convolution reaches {fast / 1e9:.0f} GFLOP/s here"
    start = GPU_START if compute.device == "cuda" else (0.0, 0.0)
    return Speed(slow=LEAST_SHARE * fast, fast=fast, start=start, source=source)


def wait_for(compute: Compute) -> None:
    """Return when the device has done what it was given: a GPU works on while Python goes on."""
    if compute.device == "cuda":
        torch.cuda.synchronize()


def _computer_memory() -> int | None:
    """Bytes of memory; Windows has no such question."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
