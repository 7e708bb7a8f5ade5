"""Flow is believed where colours and the way back agree; resized, it keeps pointing at the same place; RAFT fits it."""

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from models.optical_flow import (
    Raft,
    confidence,
    inside,
    load_raft,
    occluded,
    photometric_confidence,
    published_raft,
    raft_network,
    resize_flow,
)
from pipeline.errors import ModelError, WeightsMissing

EXACT = 1e-5  # float32 against arithmetic by hand


def still(height: int = 6, width: int = 8, x: float = 0.0, y: float = 0.0) -> Tensor:
    """One flow that is the same everywhere."""
    return torch.tensor([x, y], dtype=torch.float32).view(1, 2, 1, 1).expand(1, 2, height, width).clone()


def picture(height: int = 6, width: int = 8, seed: int = 0) -> Tensor:
    return torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_a_picture_moved_along_its_flow_is_believed_where_it_came_from_the_picture() -> None:
    before = picture()
    now = before.roll(2, dims=3)  # two pixels to the right: the two left columns are others'
    believed = photometric_confidence(now, before, still(x=-2))
    assert believed[..., 2:].all()
    assert not photometric_confidence(now, before, still(x=2))[..., 2:-2].all()


def test_squared_colour_differences_below_a_fiftieth_are_believed() -> None:
    before = torch.zeros(1, 3, 6, 8)
    below, above = (0.0199 / 3) ** 0.5, (0.0201 / 3) ** 0.5
    assert photometric_confidence(before + below, before, still()).all()
    assert not photometric_confidence(before + above, before, still()).any()


@pytest.mark.parametrize(("apart", "hidden"), [(0.70, False), (0.72, True)])
def test_still_ways_may_disagree_by_the_root_of_half_a_pixel(apart: float, hidden: bool) -> None:
    # |back + forth|² is 0.4900 and 0.5184; 0.01 of the squared lengths, whose sum is the same, and 0.5 is allowed.
    assert occluded(still(x=apart), still()).all() == hidden


def test_long_ways_may_disagree_more() -> None:
    # 21 forth and 20 back: 1 square pixel apart, allowed 0.01 · (441 + 400) + 0.5 = 8.91
    assert not occluded(still(x=-20), still(x=21)).any()
    # 24 forth: 16 apart, allowed 0.01 · (576 + 400) + 0.5 = 10.26
    assert occluded(still(x=-20), still(x=24)).all()


def test_the_way_forth_is_looked_up_where_the_way_back_leads() -> None:
    back, forth = still(x=-3), still()
    forth[:, 0, :, :5] = 3.0  # the left five columns went three to the right; the right three stayed
    assert not occluded(back, forth)[..., :8].any()  # all came from columns 0 … 4
    assert occluded(still(x=-2), forth)[..., 7].all()  # column 7 would come from 5, which stayed


def test_inside_counts_the_outermost_pixel_centres_and_no_more() -> None:
    assert inside(still(x=-3, y=1)).squeeze().tolist() == [
        [row < 5 and column >= 3 for column in range(8)] for row in range(6)
    ]
    assert inside(still()).all()
    assert not inside(still(x=-0.01))[..., 0].any()


def test_confidence_needs_all_three() -> None:
    before = picture(12, 16)
    now = before.roll(2, dims=3)
    back, forth = still(12, 16, x=-2), still(12, 16, x=2)
    believed = confidence(now, before, back, forth)
    assert torch.equal(believed, inside(back).float())  # the two left columns came from outside
    assert not confidence(now + 0.3, before, back, forth).any()
    assert not confidence(now, before, back, still(12, 16)).any()


def test_a_resized_flow_grows_with_each_side_of_its_own() -> None:
    grown = resize_flow(still(x=2, y=3), height=24, width=16)
    assert torch.allclose(grown, still(24, 16, x=4, y=12), atol=EXACT, rtol=0)
    shrunk = resize_flow(still(x=2, y=3), height=2, width=4)
    assert torch.allclose(shrunk, still(2, 4, x=1, y=1), atol=EXACT, rtol=0)


def test_a_shrunk_flow_is_the_mean_of_what_it_covers() -> None:
    flow = still(2, 4)
    flow[0, 0] = torch.tensor([[0.0, 4.0, 8.0, 8.0], [0.0, 0.0, 8.0, 8.0]])
    assert resize_flow(flow, height=1, width=2)[0, 0].tolist() == [[0.5, 4.0]]  # means 1 and 8, then half as far


class Recorder(nn.Module):
    """Stands where RAFT stands, keeps what it is shown, and finds a flow that tells the padded pixel's place."""

    def forward(self, now: Tensor, before: Tensor, num_flow_updates: int) -> list[Tensor]:
        self.shown = (now, before)
        batch, _, height, width = now.shape
        rows, columns = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
        place = torch.stack([columns, rows]).float().expand(batch, 2, height, width)
        return [torch.zeros_like(place)] * (num_flow_updates - 1) + [place]


@pytest.mark.parametrize(
    ("height", "width", "shown"),
    [(128, 136, (128, 136)), (129, 130, (136, 136)), (256, 144, (256, 144)), (40, 72, (128, 128)), (1, 1, (128, 128))],
)
def test_raft_is_shown_multiples_of_eight_and_at_least_128_and_answers_at_the_pictures_size(
    height: int, width: int, shown: tuple[int, int]
) -> None:
    network = Recorder()
    now, before = picture(height, width), picture(height, width, seed=1)
    flow = Raft(network)(now, before)
    top, left = (shown[0] - height) // 2, (shown[1] - width) // 2
    assert flow.shape == (1, 2, height, width)
    assert flow[0, :, 0, 0].tolist() == [left, top]
    for seen, given in zip(network.shown, (now, before), strict=True):
        assert seen.shape[-2:] == shown
        assert torch.equal(seen[..., top : top + height, left : left + width], given)
        assert torch.equal(seen[..., 0, 0], given[..., 0, 0])  # the border is repeated


@pytest.fixture(scope="module")
def raft_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("raft") / "raft.pth"
    torch.save(raft_network().state_dict(), path)
    return path


def test_raft_of_a_file_is_torchvisions_network_with_the_files_weights(raft_file: Path) -> None:
    raft = load_raft(raft_file)
    assert sum(weight.numel() for weight in raft.parameters()) == 5_257_536
    assert not any(weight.requires_grad for weight in raft.parameters()) and not raft.training
    now, before = picture(128, 128), picture(128, 128, seed=1)
    expected = raft_network()
    expected.load_state_dict(torch.load(raft_file, weights_only=True))
    with torch.no_grad():
        wanted = expected.eval()(now, before, num_flow_updates=12)[-1]
    with torch.autocast("cpu", torch.bfloat16):
        found = raft(now, before)
    assert found.dtype == torch.float32 and torch.equal(found, wanted)
    assert found.abs().max() > 0


def test_missing_raft_weights_name_the_teacher_that_needs_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    assert published_raft() == tmp_path / "checkpoints" / "raft_large_C_T_SKHT_V2-ff5fadd5.pth"
    with pytest.raises(WeightsMissing) as raised:
        load_raft()
    assert str(raised.value) == (
        f"{published_raft()}: the RAFT weights of the flow teacher are not there; expected the file "
        "https://download.pytorch.org/models/raft_large_C_T_SKHT_V2-ff5fadd5.pth. "
        "Put it there, or learn from the flow that needs no weights: --flow-teacher dis."
    )


def test_published_raft_weights_are_found_where_torchvision_keeps_them(
    monkeypatch: pytest.MonkeyPatch, raft_file: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    published_raft().parent.mkdir()
    published_raft().symlink_to(raft_file)
    state = torch.load(raft_file, weights_only=True)
    assert all(torch.equal(value, state[name]) for name, value in load_raft().network.state_dict().items())


def test_weights_of_another_network_are_not_rafts(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    torch.save({"features.0.weight": torch.zeros(64, 3, 3, 3)}, path)
    with pytest.raises(ModelError, match=r"weights do not fit: .* missing .*; 1 unexpected \(features\.0\.weight\)"):
        load_raft(path)
