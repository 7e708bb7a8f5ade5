"""A label that is seen in every picture and costs nothing else."""

from pathlib import Path

import numpy as np
import pytest

from pipeline.errors import ProvenanceError
from pipeline.video import Encoding, read_video
from stages.provenance.label import label_film, paint_label, refuse_label


def test_a_label_stands_at_the_lower_left_and_leaves_the_rest_alone() -> None:
    grey = np.full((360, 640, 3), 100, np.uint8)
    labelled = paint_label(grey, "Made with AI")
    changed = (labelled != grey).any(axis=2)
    rows, columns = np.nonzero(changed)
    assert rows.min() > 320 and columns.max() < 320
    assert labelled.max() > 240 and labelled[changed].min() == 25  # white on a ground of a quarter
    assert (grey == 100).all()


@pytest.mark.parametrize("size", [(64, 48), (1080, 1920), (2160, 3840)])
def test_a_long_label_is_shrunk_to_the_picture(size: tuple[int, int]) -> None:
    black = np.zeros((*size, 3), np.uint8)
    painted = np.nonzero(paint_label(black, "W" * 80).any(axis=2))[1]
    assert painted.size and painted.max() < size[1]


def test_every_picture_of_a_film_is_labelled_at_its_time(small_film: Path, tmp_path: Path) -> None:
    label_film(small_film, tmp_path / "labelled.mp4", "Made with AI", Encoding(crf=0))
    with read_video(small_film) as before, read_video(tmp_path / "labelled.mp4") as after:
        for one, other in zip(before, after, strict=True):
            assert one.time == other.time
            height = one.image.shape[0]
            assert np.abs(one.image[: height // 2].astype(int) - other.image[: height // 2]).mean() < 2
            assert np.abs(one.image[-40:].astype(int) - other.image[-40:]).mean() > 5


@pytest.mark.parametrize("text", ["", "  ", "Künstlich", "x" * 81, "two\nlines"])
def test_what_cannot_be_drawn_is_refused(text: str) -> None:
    with pytest.raises(ProvenanceError, match="--label"):
        refuse_label(text)
