"""What this machine has: versions, device, precision and why, codecs, weights."""

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from models.perceptual import published_weights
from pipeline.compute import resolve_compute
from pipeline.delivery import ffmpeg_program
from pipeline.video import available_codecs

PACKAGES = (
    "torch", "torchvision", "triton", "av", "opencv-python", "mediapipe", "kornia", "numpy", "scipy", "prefect",
    "ffmpeg-python", "imageio-ffmpeg", "safetensors", "tensorboard",
)  # fmt: skip


def examine(device: str) -> list[tuple[str, str]]:
    """Pairs of a heading and what was found, in the order to print."""
    compute = resolve_compute(device, 0)
    return [
        ("system", f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"),
        ("processor", f"{torch.get_num_threads()} threads, {torch.backends.cpu.get_cpu_capability()}"),
        ("GPU", _gpu()),
        ("device", compute.device),
        ("precision", f"{compute.precision}: {compute.reason}"),
        ("ffmpeg", ffmpeg_program()),
        ("encoders", ", ".join(available_codecs())),
        ("perceptual loss", _perceptual(published_weights())),
        *((name, _version(name)) for name in PACKAGES),
    ]


def _gpu() -> str:
    if not torch.cuda.is_available():
        return "none that PyTorch sees; everything runs on the processor, only slower"
    memory = torch.cuda.get_device_properties(0).total_memory / 2**30
    return f"{torch.cuda.get_device_name()}, {memory:.0f} GiB, CUDA {torch.version.cuda}"


def _perceptual(path: Path) -> str:
    if path.is_file():
        return f"VGG-19 at {path}"
    return f"no VGG-19 at {path}: put it there, name a file with --perceptual, or train with --perceptual none"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"
