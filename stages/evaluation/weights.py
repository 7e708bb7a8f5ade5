"""Which published weights the learned metrics look through, where they are sought, and what is said of missing ones."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from pipeline.artifacts import FileRef


@dataclass(frozen=True, slots=True)
class Published:
    """A file that others publish; nothing here fetches it."""

    metric: str  # as it is called in the table
    names: tuple[str, ...]  # of the file: the first as it is published, others as it is also known
    url: str


LPIPS = Published(
    "lpips", ("alexnet-owt-7be5be79.pth",), "https://download.pytorch.org/models/alexnet-owt-7be5be79.pth"
)
INCEPTION = Published(
    "fid",
    ("pt_inception-2015-12-05-6726825d.pth", "weights-inception-2015-12-05-6726825d.pth"),
    "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/pt_inception-2015-12-05-6726825d.pth",
)
VIDEO = Published(
    "video_distance_r3d18", ("r3d_18-b3b3357e.pth",), "https://download.pytorch.org/models/r3d_18-b3b3357e.pth"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricWeights:
    """The files there are; None: not on this machine."""

    lpips: FileRef | None = None  # torchvision's AlexNet
    inception: FileRef | None = None  # Inception-v3 of 2015, converted for PyTorch
    video: FileRef | None = None  # torchvision's r3d_18
    folder: Path = field(default=Path(), metadata={"changes_result": False})  # where they were sought

    def not_measured(self) -> tuple[str, ...]:
        """A line for each metric whose weights are missing."""
        there = ((LPIPS, self.lpips), (INCEPTION, self.inception), (VIDEO, self.video))
        return tuple(
            f"{published.metric}: not measured: the weights {published.names[0]} are not on this machine; "
            f"put {published.url} into {self.folder}"
            for published, file in there
            if file is None
        )


def find_weights(folder: Path | None = None) -> MetricWeights:
    """Look for the weights in a folder; None: where torchvision keeps its own."""
    place = folder or Path(torch.hub.get_dir()) / "checkpoints"
    return MetricWeights(
        lpips=_sought(LPIPS, place), inception=_sought(INCEPTION, place), video=_sought(VIDEO, place), folder=place
    )


def _sought(published: Published, folder: Path) -> FileRef | None:
    for name in published.names:
        if (folder / name).is_file():
            return FileRef.of(folder / name)
    return None
