"""From stores of pictures to a translator's folder, by the method of the preset."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from torch import nn

from models.pix2pix.objective import PictureLoss
from pipeline.compute import Compute
from stages.training.bricks import SAVE_SECONDS, Watch
from stages.training.flow_teacher import open_flow, pairs_apart, teach_flow
from stages.training.phases import Budget
from stages.training.picture_draws import NEIGHBOURS
from stages.training.picture_store import PictureStore, open_pictures
from stages.training.train_cyclegan import Domain, train_cyclegan
from stages.training.train_pix2pix import Pairs, train_pix2pix
from stages.training.translate_networks import translator_name
from stages.training.translate_phases import TranslatePreset, UnpairedPreset
from stages.translate_model import Direction, Look, TranslateModel, write_translator


def neighbours_in(store: Path) -> int:
    """How many pairs of neighbouring pictures a store has: what `teach_motion` will count up to."""
    return len(pairs_apart(open_pictures(store), NEIGHBOURS))


def teach_motion(
    store: Path,
    preset: TranslatePreset,
    folder: Path,
    *,
    workers: int = 2,
    progress: Callable[[int], None] | None = None,
) -> None:
    """Find the flow between all neighbours of a store once, and write it to `folder`, whole or not at all.

    A store without neighbours, all of single pictures, gives an empty one, and nothing is learnt from it.

    Args:
        store: folder of a store; of pairs the truth's.
        workers, progress: see `teach_flow`.

    Raises: StorageError.
    """
    teach_flow(open_pictures(store), (NEIGHBOURS,), preset.teacher, folder, workers=workers, progress=progress)


def train_translate(
    a: Path,
    b: Path,
    preset: TranslatePreset,
    budget: Budget,
    compute: Compute,
    folder: Path,
    *,
    flow_a: Path | None = None,
    flow_b: Path | None = None,
    perceptual: PictureLoss | None = None,
    watch: Watch | None = None,
    save_seconds: float = SAVE_SECONDS,
) -> None:
    """Train into `folder`, or go on where that was left; the folder is a translator once this returns.

    Args:
        a, b: folders of stores; with pairs, those that `prepare_pairs` wrote, inputs and truth.
        flow_a, flow_b: folders that `teach_motion` wrote; None: steadiness is not learnt from that side. Pairs need
            the truth's alone, `flow_b`.
        perceptual: VGG-19's loss, for pix2pixHD.
        save_seconds: between full states; a killed training loses at most this.

    Raises:
        TrainingError: a store or a flow cannot be opened or is too small; see also `train_cyclegan`.
        StorageError: the disk is full.
        KeyboardInterrupt: after saving, on Ctrl-C.
    """
    store_a, store_b = open_pictures(a), open_pictures(b)
    flows = tuple(None if flow is None else open_flow(flow) for flow in (flow_a, flow_b))
    work = folder / "training"
    work.mkdir(parents=True, exist_ok=True)
    generators: dict[Direction, nn.Module]
    if isinstance(preset, UnpairedPreset):
        domains = Domain(store_a, flows[0]), Domain(store_b, flows[1])
        both = train_cyclegan(*domains, preset, budget, compute, work, watch=watch, save_seconds=save_seconds)
        generators = {"a-to-b": both.to_b, "b-to-a": both.to_a}
    else:
        pairs = Pairs(store_a, store_b, flows[1])
        generators = {
            "a-to-b": train_pix2pix(
                pairs, preset, budget, compute, work, perceptual=perceptual, watch=watch, save_seconds=save_seconds
            )
        }
    write_translator(folder, _facts(store_a, store_b, preset, tuple(generators)), generators)
    for leftover in work.glob("*.safetensors"):
        leftover.unlink()  # the weights are the model's now


def _facts(
    a: PictureStore, b: PictureStore, preset: TranslatePreset, directions: tuple[Direction, ...]
) -> TranslateModel:
    return TranslateModel(
        preset=preset.name,
        method=preset.method,
        network=translator_name(preset.generator),
        network_config=asdict(preset.generator),
        stride=preset.generator.stride,
        directions=directions,
        a=_look(a),
        b=_look(b),
    )


def _look(store: PictureStore) -> Look:
    report = store.report
    return Look(
        name=", ".join(origin.name for origin in report.origins),
        sha256=tuple(origin.sha256 for origin in report.origins),
        pictures=report.pictures,
        width=report.width,
        height=report.height,
    )
