"""A film is translated frame by frame: any size, nothing lost, and the same in chunks as in one."""

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from models.blocks import initialise
from models.cyclegan.generator import ResnetGenerator, ResnetGeneratorConfig
from pipeline.compute import Compute
from pipeline.values import Frame, VideoInfo
from pipeline.video import LOSSLESS, read_video, write_video
from stages.rendering import translate
from stages.rendering.render import Stretch
from stages.rendering.tiles import Tiling
from stages.rendering.translate import (
    Rendering,
    Translator,
    batch_for,
    plan_rendering,
    ready,
    translate_frames,
    translate_pictures,
    translate_stretch,
)

pytestmark = pytest.mark.usefixtures("one_thread")

SMALL = ResnetGeneratorConfig(base_channels=8, blocks=2, kernel=3)
FRAMES, HEIGHT, WIDTH = 11, 50, 70
CHANCE = np.random.default_rng(5)
TEXTURE = CHANCE.integers(0, 256, (HEIGHT, WIDTH + FRAMES, 3), dtype=np.uint8)


class Negative(nn.Module):
    """A network whose answer is known; it takes sides that are multiples of 16."""

    def forward(self, pictures: Tensor) -> Tensor:
        assert not [side for side in pictures.shape[-2:] if side % 16 or side < 32]
        return -pictures


@pytest.fixture(scope="module")
def generator() -> ResnetGenerator:
    return initialise(ResnetGenerator(SMALL), torch.Generator().manual_seed(1)).eval()


@pytest.fixture(scope="module")
def small(generator: ResnetGenerator) -> Translator:
    return ready(generator, Compute(), stride=generator.stride)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eleven frames of a texture that passes by, a pixel a frame; times at 29.97 a second."""
    path = tmp_path_factory.mktemp("clip") / "passing.mp4"
    info = VideoInfo(path, WIDTH, HEIGHT, Fraction(30000, 1001), Fraction(1, 30000))
    with write_video(path, info, encoding=LOSSLESS) as film:
        for frame in passing():
            film.write(frame)
    return path


def passing() -> Iterator[Frame]:
    for index in range(FRAMES):
        image = np.ascontiguousarray(TEXTURE[:, index : index + WIDTH])
        yield Frame(image, Fraction(1001 * index, 30000), index)


@pytest.mark.parametrize(("height", "width"), [(32, 32), (33, 47), (5, 3), (100, 64)])
def test_pictures_of_any_size_come_back_in_that_size(height: int, width: int) -> None:
    pictures = CHANCE.integers(0, 256, (2, height, width, 3), dtype=np.uint8)
    translated = translate_pictures(pictures, ready(Negative(), Compute(), stride=16))
    np.testing.assert_allclose(translated, 255 - pictures.astype(np.float32), atol=1e-3)


def test_bfloat16_changes_a_picture_by_less_than_a_grey_level(generator: ResnetGenerator, small: Translator) -> None:
    quick = ready(generator, Compute("cpu", "bfloat16"), stride=generator.stride)
    picture = cv2_blurred(TEXTURE)[None]
    exact, near = (translate_pictures(picture, one) for one in (small, quick))
    assert 0 < np.abs(exact - near).mean() < 1
    assert {layer.weight.dtype for layer in quick.network.modules() if isinstance(layer, nn.Conv2d)} == {torch.bfloat16}
    assert {weight.dtype for weight in generator.parameters()} == {torch.float32}  # the one given is left as it was


def cv2_blurred(picture: np.ndarray) -> np.ndarray:
    """Every pixel the mean of 9x9, as films have it rather than noise."""
    wide = np.pad(picture, ((4, 4), (4, 4), (0, 0)), mode="edge").astype(np.float64)
    windows = np.lib.stride_tricks.sliding_window_view(wide, (9, 9), axis=(0, 1))
    return np.asarray(windows.mean(axis=(-2, -1)).astype(np.uint8))


@pytest.mark.parametrize("steady", [None, 0.7], ids=["alone", "steady"])
def test_every_frame_comes_out_with_its_index_and_time(small: Translator, steady: float | None) -> None:
    made = [frame for frame, _ in translate_frames(passing(), small, Rendering(batch=4, steady=steady))]
    assert [(frame.index, frame.time) for frame in made] == [(frame.index, frame.time) for frame in passing()]
    assert {frame.image.shape for frame in made} == {(HEIGHT, WIDTH, 3)}


def test_without_steadiness_a_frame_is_what_the_network_makes_of_it_alone(small: Translator) -> None:
    made = [frame.image for frame, _ in translate_frames(passing(), small, Rendering(batch=4, steady=None))]
    alone = [np.rint(translate_pictures(frame.image[None], small)[0]) for frame in passing()]
    assert max(np.abs(one - other).max() for one, other in zip(made, alone, strict=True)) <= 1  # a batch may round


def test_whoever_leaves_early_leaves_no_thread_behind(small: Translator) -> None:
    frames = translate_frames(passing(), small, Rendering())
    next(frames)
    frames.close()
    import threading

    assert [thread for thread in threading.enumerate() if thread.name == "prefetched"] == []


def rendered(
    clip: Path, translator: Translator, folder: Path, spans: list[tuple[int, int]]
) -> tuple[list[np.ndarray], list[bool]]:
    """The pictures of a film translated in these stretches, and of each whether the clip ended with it."""
    pictures, ends, last = [], [], None
    for start, stop in spans:
        segment = folder / f"{start}.mp4"
        rendering = Rendering(batch=4)
        done = translate_stretch(
            clip, translator, rendering, Stretch(start, stop), segment, last=last, encoding=LOSSLESS
        )
        last = done.last
        ends.append(done.ends)
        with read_video(segment) as film:
            pictures += [frame.image for frame in film]
    return pictures, ends


def test_a_film_in_chunks_is_the_film_in_one_to_the_bit(small: Translator, clip: Path, tmp_path: Path) -> None:
    whole, ends = rendered(clip, small, tmp_path, [(0, 240)])
    parts, ends_of_parts = rendered(clip, small, tmp_path, [(0, 4), (4, 8), (8, 12)])
    assert len(whole) == FRAMES
    assert all(np.array_equal(one, other) for one, other in zip(whole, parts, strict=True))
    assert (ends, ends_of_parts) == ([True], [False, False, True])


def test_the_last_stretch_knows_that_it_is_the_last_when_it_ends_with_the_clip(
    small: Translator, clip: Path, tmp_path: Path
) -> None:
    done = translate_stretch(clip, small, Rendering(steady=None), Stretch(8, FRAMES), tmp_path / "a.mp4")
    assert (done.frames, done.ends, done.last) == (3, True, None)


def test_a_stretch_that_would_be_batched_otherwise_is_refused(small: Translator, clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="begins at 6, expected a multiple of the batch, 4"):
        translate_stretch(clip, small, Rendering(batch=4), Stretch(6, 8), tmp_path / "a.mp4")
    assert not (tmp_path / "a.mp4").exists()


def test_small_frames_go_together_large_ones_alone_too_large_ones_in_tiles(
    small: Translator, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert [batch_for(width, height, Compute()) for width, height in ((256, 144), (256, 256), (640, 360))] == [4, 4, 1]
    assert plan_rendering(small, 1920, 1080).tiling is None
    monkeypatch.setattr(translate, "memory_of", lambda compute: 2**28)
    tight = plan_rendering(small, 1920, 1080)
    assert tight.tiling is not None and tight.batch == 1


def test_tiles_can_be_asked_for_where_all_would_fit(small: Translator) -> None:
    planned = plan_rendering(small, 96, 96, tile=48, steady=None)
    assert planned == Rendering(batch=1, tiling=Tiling(side=48), steady=None)
    made = [frame for frame, _ in translate_frames(passing(), small, replace(planned, tiling=Tiling(side=32)))]
    assert [frame.image.shape for frame in made] == FRAMES * [(HEIGHT, WIDTH, 3)]
