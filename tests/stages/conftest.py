"""What the tests of training and rendering share: one small clip, prepared once, and a model trained on it briefly."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from made_dances import DRAFT, SEQUENCES, sample_body, sample_images, sample_track, save_film

from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from stages.training.clips import PreparedClip, open_clip, prepare_clip
from stages.training.flow_teacher import FlowTeacherConfig, TaughtFlow, open_flow, teach_flow
from stages.training.framing import frame_performer
from stages.training.phases import Budget
from stages.training.train_dance import train_dance


@pytest.fixture(scope="session")
def one_thread() -> Iterator[None]:
    """Networks this small lose more to waiting threads than they win: one does all the work."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def compute() -> Compute:
    return Compute("cpu", "float32", 0)


@pytest.fixture(scope="session")
def blue_film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_film(tmp_path_factory.mktemp("film") / "blue.mp4", sample_images())


@pytest.fixture(scope="session")
def prepared(blue_film: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, track = tmp_path_factory.mktemp("clips") / "blue", sample_track()
    framing = frame_performer(track, pixels=DRAFT.pixels, stride=DRAFT.stride)
    prepare_clip(blue_film, track, framing, DRAFT.style, folder)
    return folder


@pytest.fixture(scope="session")
def taught_folder(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("flow") / "blue"
    teach_flow(open_clip(prepared), SEQUENCES.gaps, FlowTeacherConfig(), folder)
    return folder


@pytest.fixture
def taught(taught_folder: Path) -> TaughtFlow:
    return open_flow(taught_folder)


@pytest.fixture
def clip(prepared: Path) -> PreparedClip:
    return open_clip(prepared)


@pytest.fixture(scope="session")
def model_folder(
    prepared: Path, blue_film: Path, one_thread: None, compute: Compute, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The small draft after thirty steps: a blur, but of the right person at the right place."""
    folder = tmp_path_factory.mktemp("models") / "blue"
    train_dance(prepared, FileRef.of(blue_film), sample_body(), DRAFT, Budget(steps=30), compute, folder)
    return folder
