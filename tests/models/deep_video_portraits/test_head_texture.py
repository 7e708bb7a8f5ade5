"""The learnt texture gives every point of a head its own features, wherever that point is shown."""

import torch
from torch import Tensor

from models.deep_video_portraits.head_texture import PLACE, SHELL, HeadTexture

BLACK = -1.0


def condition(places: Tensor | None = None, shell: Tensor | None = None, side: int = 8) -> Tensor:
    """One condition of which all is black but the places (3, h, w) that are given."""
    shown = torch.full((1, 12, side, side), BLACK)
    for channels, given in ((PLACE, places), (SHELL, shell)):
        if given is not None:
            shown[0, channels] = given
    return shown


def everywhere(x: float, y: float, z: float, side: int = 8) -> Tensor:
    return torch.tensor([x, y, z]).view(3, 1, 1).expand(3, side, side)


def learnt(channels: int = 5) -> HeadTexture:
    """A texture of noise."""
    texture = HeadTexture(channels)
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in texture.parameters():
            weight.normal_(generator=chance)
    return texture


def test_a_texture_that_has_learnt_nothing_is_zero() -> None:
    shown = condition(everywhere(0.1, 0.2, 0.3), everywhere(0.1, 0.2, 0.3))
    assert not HeadTexture(4)(shown).any()


def test_where_no_head_is_shown_there_are_no_features() -> None:
    shell = everywhere(0.2, 0.3, 0.4).clone()
    shell[:, :, 4:] = BLACK
    features = learnt()(condition(shell=shell))
    assert features.shape == (1, 5, 8, 8)
    assert features[..., :4].abs().min() > 0
    assert not features[..., 4:].any()


def test_a_point_of_the_head_has_the_same_features_wherever_it_is_shown() -> None:
    here, there = torch.full((3, 8, 8), BLACK), torch.full((3, 8, 8), BLACK)
    here[:, 2, 1] = there[:, 6, 5] = torch.tensor([0.3, 0.5, 0.4])
    texture = learnt()
    one, other = texture(condition(shell=here))[0, :, 2, 1], texture(condition(shell=there))[0, :, 6, 5]
    assert torch.equal(one, other)
    assert one.abs().min() > 0


def test_face_and_shell_have_features_of_their_own_that_are_summed() -> None:
    texture, face, shell = learnt(), everywhere(0.1, -0.3, 0.2), everywhere(0.2, 0.3, 0.6)
    alone = texture(condition(face)), texture(condition(shell=shell))
    torch.testing.assert_close(texture(condition(face, shell)), alone[0] + alone[1])
    assert not torch.allclose(alone[0], alone[1])


def test_the_rim_of_the_face_has_none_as_its_pixels_are_half_black() -> None:
    face = everywhere(0.1, -0.3, 0.2).clone()
    face[:, :, 5:] = BLACK
    features = learnt()(condition(face))
    assert features[..., :4].abs().min() > 0
    assert not features[..., 4:].any()  # the fifth column is the face's last


def test_the_head_fades_out_towards_the_end_of_its_shell() -> None:
    """Along a ray from the middle all points are the same on the map, so that only the fading differs."""
    texture, way = learnt(), torch.tensor([0.6, 0.8, 0.0]).view(3, 1, 1)
    near, brim, end = (texture(condition(shell=(radius * way).expand(3, 8, 8))) for radius in (0.9, 0.975, 1.0))
    torch.testing.assert_close(brim, near / 2, rtol=1e-3, atol=1e-3)
    torch.testing.assert_close(end, torch.zeros_like(end), atol=1e-4, rtol=0)


def test_only_texels_that_are_shown_learn() -> None:
    texture = HeadTexture(4)
    texture(condition(shell=everywhere(0.0, 0.0, 0.9))).sum().backward()
    finest = texture.head.scales[-1].grad
    assert finest is not None
    touched = finest[0, 0].nonzero()
    assert touched.tolist() == [[127, 127], [127, 128], [128, 127], [128, 128]]  # straight ahead is the middle
    assert not any(one.grad.any() for one in texture.face.scales if one.grad is not None)


def test_features_are_fetched_in_float32_where_the_bulk_is_bfloat16() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        assert learnt()(condition(shell=everywhere(0.2, 0.1, 0.7))).dtype == torch.float32
