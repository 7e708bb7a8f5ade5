"""How fast a flow is followed: the fused kernel against the composition written out in PyTorch, eager and compiled.

    python -m benchmarks.warp [--check | --check-only] [--tile 8x64x8] [--save]

Needs torch, and triton for the kernel; run it from the project's root. Times on a GPU are replays of a CUDA graph that
goes round enough sets of random inputs to leave the cache behind, median; so no time of Python's is in them. Bytes are
the fewest that must move: each input read and each result written once. Their share is of what a copy on the same
device reaches in the same run. The ratios say how many times longer others take, forward included. Written out means
grid_sample over a normalised grid, as the papers' code does it. "backward" stops at the warped frame, as vid2vid
trains; "backward, all" goes into it. Without a GPU the PyTorch reference is measured, in seconds of the processor, best
of several rounds, others taking turns. --check compares kernel and reference first (on a GPU, or anywhere with
TRITON_INTERPRET=1); --tile tries another ROWSxCOLUMNSxWARPS; --save keeps the table in results/.
"""

import argparse
import itertools
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

import torch
import torch.nn.functional as F
from torch import Tensor

if find_spec("jaxtyping") is None:  # annotations, checked under test only: a machine for measuring may lack the package
    annotations = ModuleType("jaxtyping")
    shaped = type("Shaped", (), {"__class_getitem__": classmethod(lambda cls, item: item[0])})
    annotations.__dict__.update(Float=shaped, Int=shaped)
    sys.modules["jaxtyping"] = annotations

from models.ops.warp import compose
from pipeline.compute import keep_memory

RESULTS = Path(__file__).parent / "results"
CACHE = 512 * 2**20  # bytes; several times the last cache of any GPU
GPU_SIZES = ((256, 256, 4), (512, 512, 4), (1024, 512, 1), (1024, 512, 4), (1024, 512, 8), (2048, 1024, 4))
CPU_SIZES = ((256, 144, 1), (256, 144, 2), (256, 144, 4), (256, 256, 1), (1024, 512, 1), (2048, 1024, 1))
CHECKED_SHAPES = ((1, 3, 1, 1), (2, 3, 1, 37), (2, 3, 37, 1), (2, 3, 17, 71), (1, 20, 9, 33))
LARGE_SHAPES = ((4, 3, 512, 1024), (2, 64, 255, 257))  # for a GPU; the interpreter would take hours
NAMES = ("image", "warped", "by raw", "by previous", "by flow", "by mask")

WORKS = ("forward", "backward", "backward, all")

Blend = Callable[[Tensor, Tensor, Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True, slots=True)
class Case:
    """What is warped."""

    width: int
    height: int
    batch: int
    dtype: torch.dtype
    memory: torch.memory_format = torch.contiguous_format
    channels: int = 3

    def bytes(self, work: str) -> int:
        """The fewest that must move: flow, mask and pictures, in and out."""
        flow, mask, picture = 8, self.dtype.itemsize, self.channels * self.dtype.itemsize
        given = flow + mask + 2 * picture
        moved = {
            "forward": given + 2 * picture,
            "backward": given + 2 * picture + picture + flow + mask,
            "backward, all": given + 2 * picture + 2 * picture + flow + mask,
        }
        return moved[work] * self.width * self.height * self.batch

    def __str__(self) -> str:
        order = ", channels last" if self.memory == torch.channels_last else ""
        return f"{self.width}x{self.height}, {self.batch} | {str(self.dtype).removeprefix('torch.')}{order}"


@dataclass(frozen=True, slots=True, eq=False)
class Inputs:
    """Arguments of a blend, and the gradients that come back to its two results."""

    arguments: tuple[Tensor, Tensor, Tensor, Tensor]
    gradients: tuple[Tensor, Tensor]


def fused(*arguments: Tensor) -> tuple[Tensor, Tensor]:
    """Image and warped image by the Triton kernels."""
    composition = compose(*arguments, backend="triton")
    return composition.image, composition.warped


def reference(*arguments: Tensor) -> tuple[Tensor, Tensor]:
    """Image and warped image by the PyTorch reference."""
    composition = compose(*arguments, backend="torch")
    return composition.image, composition.warped


def written_out(raw: Tensor, previous: Tensor, flow: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """The same as anybody would write it, for eager PyTorch and `torch.compile`."""
    h, w = raw.shape[2:]
    x = (flow[:, 0] + torch.arange(w, device=flow.device)) * (2 / max(w - 1, 1)) - 1
    y = (flow[:, 1] + torch.arange(h, device=flow.device)[:, None]) * (2 / max(h - 1, 1)) - 1
    grid = torch.stack((x, y), -1)
    warped = F.grid_sample(previous.float(), grid, padding_mode="border", align_corners=True)
    return (mask * raw + (1 - mask) * warped).to(raw.dtype), warped.to(raw.dtype)


def inputs_for(case: Case, device: str, rng: torch.Generator) -> Inputs:
    """Random pictures, and flow that moves by about five pixels."""

    def random(channels: int, dtype: torch.dtype) -> Tensor:
        values = torch.randn(case.batch, channels, case.height, case.width, device=device, generator=rng)
        return values.to(dtype).contiguous(memory_format=case.memory)

    pictures = [random(case.channels, case.dtype) for _ in range(4)]
    smooth = F.avg_pool2d(random(2, torch.float32), 9, stride=1, padding=4) * 45  # moves of about five pixels
    arguments = (
        pictures[0],
        pictures[1],
        smooth.contiguous(memory_format=case.memory),
        random(1, case.dtype).sigmoid(),
    )
    return Inputs(arguments, (pictures[2], pictures[3]))


def run(blend: Blend, work: str, sets: Sequence[Inputs]) -> None:
    """Once over every set: forward alone, or forward and backward."""
    for given in sets:
        if work == "forward":
            with torch.no_grad():
                blend(*given.arguments)
            continue
        leaves = [tensor.detach().requires_grad_() for tensor in given.arguments]
        leaves[1].requires_grad_(work == "backward, all")
        wanted = [leaf for leaf in leaves if leaf.requires_grad]
        torch.autograd.grad(blend(*leaves), wanted, given.gradients)


def seconds(works: Sequence[Callable[[], object]], device: str, rounds: int) -> list[float]:
    """Of each piece of work. On a processor, its own seconds, in turns: other programs share the machine."""
    if device == "cuda":
        from triton.testing import do_bench_cudagraph

        return [do_bench_cudagraph(work, rep=50, return_mode="median") / 1e3 for work in works]
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for place, work in enumerate(works):
            start = time.process_time()
            work()
            best[place] = min(best[place], time.process_time() - start)
    return best


def copy_bandwidth(device: str, rounds: int) -> float:
    """Bytes a second, read and written both counted."""
    source = torch.ones(2**30 if device == "cuda" else 2**27, dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * source.numel() / seconds([lambda: target.copy_(source)], device, rounds)[0]


def time_case(case: Case, device: str, bandwidth: float, rounds: int) -> Iterator[str]:
    """Time one case forward and backward by each way; its rows, Markdown."""
    rng = torch.Generator(device).manual_seed(0)
    on_gpu = device == "cuda"
    count = min(64, -(-CACHE // case.bytes("forward"))) if on_gpu else 1
    sets = [inputs_for(case, device, rng) for _ in range(count)]
    blends: list[Blend] = [reference, written_out]
    if on_gpu:
        torch.compiler.reset()  # a compiled function seen in too many shapes silently stays eager
        blends = [fused, *blends, torch.compile(written_out, dynamic=False)]
    for work, blend in itertools.product(WORKS, blends):
        run(blend, work, sets[:1])  # compiles what compiles
    tasks = [partial(run, blend, work, sets) for work in WORKS for blend in blends]
    times = [taken / count for taken in seconds(tasks, device, rounds)]
    for place, work in enumerate(WORKS):
        ours, *others = times[place * len(blends) :][: len(blends)]
        alone = ours if work == "forward" else ours - times[0]
        share, megabytes = case.bytes(work) / alone / bandwidth, case.bytes(work) / 1e6
        ratios = " | ".join(f"{other / ours:.2f}" for other in others)
        yield f"| {case} | {work} | {alone * 1e6:.0f} | {megabytes:.1f} | {share:.0%} | {ours * 1e6:.0f} | {ratios} |"


def results_of(blend: Blend, given: Inputs) -> list[Tensor]:
    """The pictures of a way to blend, and its gradients."""
    leaves = [tensor.detach().requires_grad_() for tensor in given.arguments]
    pictures = blend(*leaves)
    return [*pictures, *torch.autograd.grad(pictures, leaves, given.gradients)]


def check(device: str) -> None:
    """Print the largest difference between kernel and reference, over shapes and orders in memory, for each type."""
    rng = torch.Generator(device).manual_seed(0)
    shapes = CHECKED_SHAPES + (LARGE_SHAPES if device == "cuda" else ())
    print("| type | shapes | " + " | ".join(NAMES) + " |", "|---" * (2 + len(NAMES)) + "|", sep="\n")
    for dtype in (torch.float32, torch.bfloat16, torch.float16):
        worst = [0.0] * len(NAMES)
        for (b, c, h, w), memory in itertools.product(shapes, (torch.contiguous_format, torch.channels_last)):
            given = inputs_for(Case(w, h, b, dtype, memory, c), device, rng)
            pairs = zip(results_of(fused, given), results_of(reference, given), strict=True)
            worst = [max(most, (a - b).abs().max().item()) for most, (a, b) in zip(worst, pairs, strict=True)]
        print(f"| {dtype} | {2 * len(shapes)} | " + " | ".join(f"{most:.1e}" for most in worst) + " |", flush=True)


def cases(device: str) -> Iterator[Case]:
    """All sizes, precisions and layouts that are timed on a device."""
    types = (torch.float32, torch.bfloat16, torch.float16) if device == "cuda" else (torch.float32, torch.bfloat16)
    for size, dtype in itertools.product(GPU_SIZES if device == "cuda" else CPU_SIZES, types):
        yield Case(*size, dtype)
    if device == "cuda":
        yield from (Case(1024, 512, 4, dtype, torch.channels_last) for dtype in types)


def machine(device: str) -> str:
    """Date, device and versions, for the head of a page."""
    versions = f"torch {torch.__version__}"
    if device == "cuda":
        import triton

        return f"{date.today()}, {torch.cuda.get_device_name()}, {versions}, triton {triton.__version__}"
    load = f", load {os.getloadavg()[0]:.1f} at the start" if hasattr(os, "getloadavg") else ""
    return (
        f"{date.today()}, {platform.machine()} {platform.system()}, {torch.get_num_threads()} threads{load}, {versions}"
    )


def report(device: str, rounds: int) -> Iterator[str]:
    """The results, line by line, as they come."""
    bandwidth = copy_bandwidth(device, rounds)
    yield f"Warp and blend: {machine(device)}. A copy moves {bandwidth / 1e9:.0f} GB/s."
    ours, others = "kernel", ["reference", "written out", "compiled"]
    if device == "cpu":
        ours, others = "reference", ["written out"]
        yield "Triton: not measured on GPU; there is none here."
    columns = ["size, batch", "type", "work", f"{ours}, µs", "MB", "of a copy", "with forward, µs"]
    columns += [f"{other} takes ×" for other in others]
    yield ""
    yield "| " + " | ".join(columns) + " |"
    yield "|---" * len(columns) + "|"
    for case in cases(device):
        yield from time_case(case, device, bandwidth, rounds)


def use_tile(text: str) -> None:
    """Let the kernels work on tiles given as ROWSxCOLUMNSxWARPS, in place of their own choice."""
    from models.ops import warp_triton

    warp_triton.IN_PLANES = warp_triton.SCATTERED = warp_triton.Tile(*map(int, text.split("x")))


def main() -> None:
    parser = argparse.ArgumentParser(description="Time the fused warp against the composition written out.")
    parser.add_argument("--check", action="store_true", help="compare kernel and reference first")
    parser.add_argument("--check-only", action="store_true", help="and measure nothing")
    parser.add_argument("--tile", metavar="ROWSxCOLUMNSxWARPS", help="for the kernel, in place of its own choice")
    parser.add_argument("--rounds", type=int, default=7, help="on a processor; the best counts")
    parser.add_argument("--save", action="store_true", help="keep the table in benchmarks/results/")
    arguments = parser.parse_args()
    device = "cuda" if torch.cuda.is_available() else "cpu"
    if arguments.tile:
        use_tile(arguments.tile)
    if arguments.check or arguments.check_only:
        check(device)
    if arguments.check_only:
        return
    keep_memory()  # as training does, or fresh pages are what a processor spends its time on
    lines = []
    for line in report(device, arguments.rounds):
        lines.append(line)
        print(line, flush=True)
    if arguments.save:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / "warp.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
