"""The light vid2vid network, made for stick figures, takes the nine channels of a face as they are."""

from dataclasses import replace

import torch
from made_pictures import random

from models.performance import Memory
from models.vid2vid.discriminators import Judges, JudgesConfig
from models.vid2vid.generator import LIGHT
from models.vid2vid.objective import Vid2VidWeights, discriminator_terms, generator_terms
from models.vid2vid.performer import SequentialPerformer
from models.vid2vid.pyramid import PyramidConfig, PyramidGenerator
from models.vid2vid.scene import Blend, Painted, Scene, Truth

FACE = 9
HEIGHT, WIDTH = 32, 48
WEIGHTS = Vid2VidWeights(gan=0.1, perceptual=0.0, l1=1.0).without(["temporal_gan", "temporal_feature_matching"])


def performer() -> SequentialPerformer:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return SequentialPerformer(PyramidGenerator(PyramidConfig(coarse=replace(LIGHT, condition_channels=FACE))))


def test_memory_of_face_conditions_is_of_one_shape_from_the_first_frame_on() -> None:
    painter, condition, plate = performer(), random(1, FACE, HEIGHT, WIDTH), random(1, 3, HEIGHT, WIDTH, seed=4)
    blank = painter.blank(plate)  # of any picture of that size: rendering has only the backdrop at hand
    with torch.inference_mode():
        memory = painter.remember(blank, condition, painter.perform(condition, plate, blank))
    assert blank.conditions.shape == memory.conditions.shape == (1, FACE, HEIGHT, WIDTH)
    assert torch.equal(memory.conditions, condition)
    assert not memory.empty


def test_a_step_of_training_on_face_conditions_moves_generator_and_judge() -> None:
    painter, who = performer(), Judges(JudgesConfig(condition_channels=FACE, base_channels=4, layers=1, fold=2))
    scene = _two_frames(painter)
    before = [weight.detach().clone() for weight in (*painter.parameters(), *who.parameters())]
    generator_terms(who, scene, WEIGHTS).total(WEIGHTS).backward()
    discriminator_terms(who, scene, WEIGHTS).total().backward()
    with torch.no_grad():
        torch.optim.Adam([*painter.parameters(), *who.image.parameters()], 1e-3).step()
    moved = [not torch.equal(a, b) for a, b in zip(before, (*painter.parameters(), *who.parameters()), strict=True)]
    trained = [weight.grad is not None for weight in (*painter.parameters(), *who.parameters())]
    assert moved == trained
    seen = painter.generator.coarse.encode_conditions.stem.weight
    assert seen.shape[1] == 4 * (2 * FACE + 3 + 3)  # two conditions, the plate, the frame before; folded by two
    assert seen.grad is not None and bool((seen.grad != 0).any(dim=(0, 2, 3)).all())


def _two_frames(painter: SequentialPerformer) -> Scene:
    conditions, truth = random(1, 2, FACE, HEIGHT, WIDTH), random(1, 2, 3, HEIGHT, WIDTH, seed=5)
    plate = random(1, 3, HEIGHT, WIDTH, seed=4)
    memory: Memory = painter.blank(conditions[:, 0])
    made = []
    for condition in conditions.unbind(1):
        (one,) = painter.paint(condition, plate, memory)
        memory = painter.recall(memory, condition, (one.image,))
        made.append(one)

    def stacked(name: str) -> torch.Tensor:
        return torch.stack([getattr(one, name) for one in made], dim=1)

    return Scene(
        truth=Truth(
            conditions=conditions,
            frames=truth,
            before=truth.roll(1, dims=1),
            flow=torch.zeros(1, 2, 2, HEIGHT, WIDTH),
            confidence=torch.ones(1, 2, 1, HEIGHT, WIDTH),
        ),
        painted=Painted(
            frames=stacked("image"),
            before=stacked("image").roll(1, dims=1),
            blend=Blend(**{name: stacked(name) for name in ("raw", "flow", "mask", "warped")}),
        ),
    )
