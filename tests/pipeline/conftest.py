"""The film that most tests of the pipeline read, and the folder of real clips."""

from pathlib import Path

import pytest
from made_films import even_times, frames_at, save

from pipeline.video import Encoding


@pytest.fixture
def film(tmp_path: Path) -> Path:
    """Thirty numbered frames at 30000/1001, with B-frames, a key picture every ten."""
    encoding = Encoding(preset="veryfast", b_frames=2, keyframe_interval=10)
    return save(tmp_path / "film.mp4", frames_at(even_times(30)), encoding=encoding)


@pytest.fixture(scope="session")
def clips() -> Path:
    folder = Path(__file__).parents[2].parent / "shared/clips"
    if not folder.is_dir():
        pytest.skip("the real clips (../shared/clips) are not on this machine")
    return folder
