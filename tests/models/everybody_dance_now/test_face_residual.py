"""A face is cut out, refined and put back where it was."""

import pytest
import torch
from torch import Tensor

from models.everybody_dance_now.face_residual import FaceBox, cut_faces, face_box, face_discriminator, refine_face


def box_at(*corners: tuple[int, int], size: int, seen: tuple[bool, ...] | None = None) -> FaceBox:
    return FaceBox(corner=torch.tensor(corners), seen=torch.tensor(seen or (True,) * len(corners)), size=size)


def test_the_box_lies_around_the_nose_and_moves_inwards_at_the_border() -> None:
    noses = torch.tensor([[20.0, 10.0], [1.0, 15.0], [38.0, 29.6], [20.4, 10.0]])
    box = face_box(noses, size=8, height=30, width=40)
    assert box.corner.tolist() == [[16, 6], [0, 11], [32, 22], [17, 6]]
    assert box.seen.all()


def test_the_place_of_an_unseen_nose_does_not_matter() -> None:
    noses = torch.tensor([[float("nan"), float("nan")], [20.0, 10.0]])
    box = face_box(noses, size=8, height=30, width=40, seen=torch.tensor([False, True]))
    assert box.corner.tolist() == [[0, 0], [16, 6]]
    assert box.seen.tolist() == [False, True]


def test_a_box_larger_than_the_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="The region of 64 pixels is larger than the picture of 100x50"):
        face_box(torch.zeros(1, 2), size=64, height=50, width=100)


def test_a_cut_face_is_the_pixels_of_its_square() -> None:
    pictures = torch.arange(2 * 3 * 10 * 12, dtype=torch.float32).reshape(2, 3, 10, 12)
    faces = cut_faces(pictures, box_at((5, 2), (0, 6), size=4))
    assert torch.equal(faces[0], pictures[0, :, 2:6, 5:9])
    assert torch.equal(faces[1], pictures[1, :, 6:10, 0:4])


def test_the_residual_is_added_inside_the_square_and_nothing_changes_outside() -> None:
    image = torch.zeros(2, 3, 10, 12)
    refined = refine_face(image, image, box_at((5, 2), (0, 6), size=4), lambda condition, face: torch.ones_like(face))
    expected = torch.zeros(2, 3, 10, 12)
    expected[0, :, 2:6, 5:9] = 1
    expected[1, :, 6:10, 0:4] = 1
    assert torch.equal(refined, expected)
    assert not image.any()


def test_the_generator_sees_condition_and_frame_of_the_same_square() -> None:
    condition, image = torch.rand(1, 3, 10, 12), torch.rand(1, 3, 10, 12)
    box = box_at((5, 2), size=4)

    def generator(of_condition: Tensor, of_image: Tensor) -> Tensor:
        assert torch.equal(of_condition, condition[:, :, 2:6, 5:9])
        assert torch.equal(of_image, image[:, :, 2:6, 5:9])
        return torch.zeros_like(of_image)

    assert torch.equal(refine_face(image, condition, box, generator), image)


def test_a_picture_with_an_unseen_head_stays_as_it_is() -> None:
    image = torch.zeros(2, 3, 10, 12)
    box = box_at((5, 2), (5, 2), size=4, seen=(False, True))
    refined = refine_face(image, image, box, lambda condition, face: torch.ones_like(face))
    assert refined.sum(dim=(1, 2, 3)).tolist() == [0, 3 * 4 * 4]


def test_a_residual_of_lower_precision_leaves_the_frame_in_its_own() -> None:
    image = torch.full((1, 3, 10, 12), 0.1)
    refined = refine_face(
        image, image, box_at((5, 2), size=4), lambda condition, face: torch.zeros_like(face).bfloat16()
    )
    assert torch.equal(refined, image)


def test_gradients_reach_the_frame_and_the_generator() -> None:
    image = torch.rand(1, 3, 5, 6, dtype=torch.float64, requires_grad=True)
    gain = torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    box = box_at((1, 2), size=3)
    assert torch.autograd.gradcheck(
        lambda i, g: refine_face(i, i.detach(), box, lambda c, f: g * f.square()), (image, gain)
    )


def test_the_judge_of_faces_sees_condition_and_face() -> None:
    judged = face_discriminator()(torch.zeros(2, 6, 64, 64))
    assert judged[-1].shape == (2, 1, 11, 11)
    assert sum(weight.numel() for weight in face_discriminator().parameters()) == 2_769_601
