"""What of the kernel holds where there is no GPU: its results, by interpretation, and that it compiles for one."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

triton = pytest.importorskip("triton", reason="Triton is not installed")
ROOT = Path(__file__).parents[3]
PLENTY = 300  # seconds; it takes about twenty


def test_the_interpreted_kernel_is_the_reference() -> None:
    specification = Path(__file__).with_name("test_warp_triton.py")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(specification)],
        cwd=ROOT,
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=PLENTY,
    )
    assert run.returncode == 0 and "skipped" not in run.stdout, run.stdout + run.stderr


class Hopper:
    """Stands in for the driver of a GPU that is not there: enough to compile for it."""

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0

    def get_current_target(self) -> Any:
        from triton.backends.compiler import GPUTarget

        return GPUTarget("cuda", 90, 32)


class Compiled:
    """Stands in for a kernel: compiles it for the arguments of a launch, and keeps what comes out."""

    def __init__(self, kernel: Any) -> None:
        self.kernel = kernel
        self.results: list[Any] = []

    def __getitem__(self, grid: tuple[int]) -> Any:
        def launch(*arguments: Any, **constants: Any) -> None:
            self.results.append(self.kernel.warmup(*arguments, grid=grid, **constants))

        return launch


@pytest.fixture
def kernels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[Compiled, Compiled]:
    from models.ops import warp_triton

    if warp_triton.INTERPRETED:
        pytest.skip("Triton interprets: it does not compile")
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    forward, backward = Compiled(warp_triton._forward), Compiled(warp_triton._backward)
    monkeypatch.setattr(warp_triton, "_forward", forward)
    monkeypatch.setattr(warp_triton, "_backward", backward)
    monkeypatch.setattr(triton.runtime.driver, "_active", Hopper())  # its own setter cannot go back to no GPU
    return forward, backward


@pytest.mark.parametrize("memory", [torch.contiguous_format, torch.channels_last], ids=str)
@pytest.mark.parametrize("detached", [True, False], ids=["previous detached", "previous trained"])
def test_it_compiles_for_hopper_and_keeps_everything_in_registers(
    kernels: tuple[Compiled, Compiled], memory: torch.memory_format, detached: bool
) -> None:
    from models.ops.warp_triton import compose_fused

    raw, previous, flow, mask = (
        torch.zeros(1, channels, 16, 128).contiguous(memory_format=memory).requires_grad_() for channels in (3, 3, 2, 1)
    )
    blend = compose_fused(raw, previous.detach() if detached else previous, flow, mask, zeros=False)
    torch.autograd.backward(blend, [torch.ones_like(picture) for picture in blend])
    compiled = [result for kernel in kernels for result in kernel.results]
    assert len(compiled) == 2
    for result in compiled:
        assert result.asm["cubin"]
        assert result.metadata.shared == 0 and ".local" not in result.asm["ptx"]
    assert ("atom" in compiled[1].asm["ptx"] or "red." in compiled[1].asm["ptx"]) is not detached


def test_its_other_ways_compile_too(kernels: tuple[Compiled, Compiled], monkeypatch: pytest.MonkeyPatch) -> None:
    """The warp alone, zeros beyond the border, offsets of 64 bits, more channels than are unrolled."""
    from models.ops import warp_triton

    monkeypatch.setattr(warp_triton, "NARROW", 0)
    image, flow = torch.zeros(1, 20, 15, 33, dtype=torch.bfloat16).requires_grad_(), torch.zeros(1, 2, 15, 33)
    warped = warp_triton.warp_fused(image, flow.requires_grad_(), zeros=True)
    warped.backward(torch.ones_like(warped))
    assert all(result.asm["cubin"] for kernel in kernels for result in kernel.results)
    assert [len(kernel.results) for kernel in kernels] == [1, 1]
