"""Metrics that look through networks: each by its weights, a line for each that lacks them, distances by hand."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.video_features import VideoFeatures, video_network
from pipeline.artifacts import FileRef
from stages.evaluation.frechet import ClipDistance, CrowdDistance, PictureDistance
from stages.evaluation.learned import LearnedMetrics
from stages.evaluation.lpips_distance import LpipsDistance
from stages.evaluation.weights import MetricWeights, find_weights

SHAPES = {
    "0": (64, 3, 11, 11),
    "3": (192, 64, 5, 5),
    "6": (384, 192, 3, 3),
    "8": (256, 384, 3, 3),
    "10": (256, 256, 3, 3),
}


@pytest.fixture(scope="module")
def alexnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with AlexNet's names and shapes, drawn by chance; its classes are left out but for one name."""
    chance = torch.Generator().manual_seed(4)
    state = {"classifier.1.bias": torch.zeros(4096)}
    for layer, shape in SHAPES.items():
        state[f"features.{layer}.weight"] = torch.randn(shape, generator=chance) * (2 / np.prod(shape[1:])) ** 0.5
        state[f"features.{layer}.bias"] = torch.zeros(shape[0])
    path = tmp_path_factory.mktemp("weights") / "alexnet-owt-7be5be79.pth"
    torch.save(state, path)
    return path


def picture(height: int = 96, width: int = 70, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def test_lpips_is_nothing_for_equals_and_more_for_more(alexnet: Path):
    distance, base = LpipsDistance(alexnet), picture()
    little, much = base.copy(), base.copy()
    little[:20], much[:60] = 128, 128
    assert distance(base, base) == 0
    assert 0 < distance(base, little) < distance(base, much)
    assert distance(base, much) == LpipsDistance(alexnet)(base, much)  # nothing in it is left to chance


def test_lpips_leaves_the_callers_chance_alone_and_takes_small_pictures(alexnet: Path):
    torch.manual_seed(9)
    expected = torch.rand(1)
    torch.manual_seed(9)
    distance = LpipsDistance(alexnet)
    assert torch.rand(1) == expected
    assert distance(picture(8, 12), picture(8, 12, seed=1)) > 0


class Mean(nn.Module):
    """Two features: the mean of the first colour and that of the others."""

    num_features = 2

    def forward(self, given: Tensor) -> Tensor:
        flat = given.float().reshape(given.shape[0], -1)
        return torch.stack([flat[:, 0], flat[:, -1]], dim=1)


def test_the_distance_of_two_crowds_is_that_of_their_means_and_spreads():
    crowd = CrowdDistance(Mean())
    assert crowd.is_short and crowd.value() is None
    for film, truth in ((3.0, 0.0), (5.0, 4.0)):  # means 4 and 2; variances 2 and 8, in both features alike
        crowd.add(torch.tensor([[film, 0.0]]), torch.tensor([[truth, 0.0]]))
    # |4 - 2|² + 2 + 8 - 2 √(2·8) = 4 + 10 - 8
    assert crowd.value() == pytest.approx(6, rel=1e-5)


def test_a_film_has_no_distance_from_itself():
    pictures = PictureDistance(CrowdDistance(Mean()))
    for seed in range(4):
        pictures.add(picture(seed=seed), picture(seed=seed))
    assert pictures.distance.value() == pytest.approx(0, abs=1e-3)


def test_clips_have_sixteen_frames_and_begin_every_eight():
    seen: list[tuple[int, ...]] = []

    class Counting(Mean):
        def forward(self, given: Tensor) -> Tensor:
            seen.append((*given.shape, int(given[0, 0, 0, 0, 0])))
            return super().forward(given)

    clips = ClipDistance(CrowdDistance(Counting()))
    for number in range(33):
        frame = np.full((20, 30, 3), number, np.uint8)
        clips.add(frame, frame)
    assert seen[::2] == [(1, 16, 112, 112, 3, first) for first in (0, 8, 16)]


def test_weights_that_are_not_there_are_named_with_the_place_they_belong_in(tmp_path: Path):
    weights = find_weights(tmp_path)
    assert (weights.lpips, weights.inception, weights.video) == (None, None, None)
    learned = LearnedMetrics(weights)
    learned.add(picture(), picture())
    assert (learned.lpips, learned.fid, learned.video_distance) == (None, None, None)
    lines = learned.not_measured(1)
    assert [line.split(":")[0] for line in lines] == ["lpips", "fid", "video_distance_r3d18"]
    assert lines[2] == (
        "video_distance_r3d18: not measured: the weights r3d_18-b3b3357e.pth are not on this machine; "
        f"put https://download.pytorch.org/models/r3d_18-b3b3357e.pth into {tmp_path}"
    )
    assert LearnedMetrics(None).not_measured(1) == ()  # nothing was asked for


def test_a_damaged_file_of_weights_costs_its_metric_and_not_the_evaluation(tmp_path: Path):
    (tmp_path / "alexnet-owt-7be5be79.pth").write_bytes(b"not weights")
    learned = LearnedMetrics(find_weights(tmp_path))
    assert learned.lpips is None
    assert learned.not_measured(1)[-1].startswith(
        f"lpips: not measured: {tmp_path / 'alexnet-owt-7be5be79.pth'}: the file cannot be read as a state dict"
    )


def test_weights_are_found_under_either_name_and_by_content(alexnet: Path, tmp_path: Path):
    (tmp_path / "weights-inception-2015-12-05-6726825d.pth").write_bytes(b"x")
    assert find_weights(tmp_path).inception == FileRef.of(tmp_path / "weights-inception-2015-12-05-6726825d.pth")
    assert find_weights(alexnet.parent).lpips == FileRef.of(alexnet)


def test_a_film_too_short_for_clips_says_so(tmp_path: Path):
    state = {name: torch.tensor(0.01).expand(one.shape) for name, one in video_network().state_dict().items()}
    torch.save(state, tmp_path / "r3d_18-b3b3357e.pth")
    learned = LearnedMetrics(MetricWeights(video=FileRef.of(tmp_path / "r3d_18-b3b3357e.pth")))
    for _ in range(3):
        learned.add(picture(), picture())
    assert learned.video_distance is None
    assert learned.not_measured(3)[-1] == (
        "video_distance_r3d18: not measured: a film of 3 frames is too short, it takes 24"
    )
    assert VideoFeatures.num_features == 512
