"""Where and how numbers are computed: device, precision, chance. Resolved once, in flows, and passed down."""

import ctypes
import os
import platform
from dataclasses import dataclass
from typing import Literal

import torch

from pipeline.errors import UnderstudyError, UnknownChoice

DEVICES = ("auto", "cpu", "cuda")
Precision = Literal["float32", "bfloat16"]
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
_KEPT = 1 << 30  # bytes that malloc keeps instead of handing back to the system after every step


@dataclass(frozen=True, slots=True)
class Compute:
    """Device, precision of the networks' bulk, seed; `reason` says why this precision."""

    device: str = "cpu"
    precision: Precision = "float32"
    seed: int = 0
    reason: str = "asked for"

    @property
    def dtype(self) -> torch.dtype:
        """The precision as PyTorch names it."""
        return torch.bfloat16 if self.precision == "bfloat16" else torch.float32

    def autocast(self) -> torch.autocast:
        """Run what pays in the low precision; losses and masks that are cast to float32 stay so."""
        return torch.autocast(self.device, self.dtype, enabled=self.precision != "float32")

    def generator(self, stream: int = 0) -> torch.Generator:
        """A source of chance on the processor: the same numbers on every device, one stream for each purpose."""
        return torch.Generator().manual_seed(self.seed * 1009 + stream)


def resolve_compute(device: str, seed: int) -> Compute:
    """Turn "auto" into what this machine has, and choose the precision that is fastest there.

    Raises:
        UnknownChoice: another word than auto, cpu, cuda.
        UnderstudyError: CUDA was asked for and is not there.
    """
    if device not in DEVICES:
        raise UnknownChoice.among("device", device, DEVICES)
    if device == "cuda" and not torch.cuda.is_available():
        raise UnderstudyError(
            "--device cuda", "PyTorch sees no CUDA device", "a GPU with its driver", "Use --device auto."
        )
    if device != "cpu" and torch.cuda.is_available():
        return _on_cuda(seed)
    return _on_cpu(seed)


def _on_cuda(seed: int) -> Compute:
    if torch.cuda.is_bf16_supported():
        return Compute("cuda", "bfloat16", seed, f"{torch.cuda.get_device_name()} computes in bfloat16")
    return Compute("cuda", "float32", seed, f"{torch.cuda.get_device_name()} has no bfloat16")


def _on_cpu(seed: int) -> Compute:
    if torch.cpu._is_avx512_bf16_supported():
        return Compute("cpu", "bfloat16", seed, "the processor has AVX512-BF16: about twice as fast as float32")
    return Compute("cpu", "float32", seed, "the processor has no AVX512-BF16: bfloat16 would be emulated, and slower")


def keep_memory() -> bool:
    """Let malloc keep freed memory: training allocates the same large blocks at every step, and fresh pages cost time.

    Returns whether the C library took it; only glibc has the setting. Call once, at the program's start.
    """
    if platform.system() != "Linux" or platform.libc_ver()[0] != "glibc" or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return bool(mallopt(_M_MMAP_THRESHOLD, _KEPT)) and bool(mallopt(_M_TRIM_THRESHOLD, _KEPT))
