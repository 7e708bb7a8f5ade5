"""The chunks of a translation, which need nothing of one another, made side by side by a cluster's workers.

Whoever fans a film out then goes through it chunk by chunk as without, and finds them made: a film begun alone goes on
fanned out, and the other way round.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from flows.cluster import found, make_there
from flows.store.caching import whole
from flows.store.results import Segment
from flows.store.workspace import Workspace
from flows.translate_tasks import translate_chunk
from pipeline.artifacts import FileRef
from pipeline.compute import Compute
from pipeline.video import Encoding
from stages.model_parts import FACTS
from stages.rendering.render import Stretch
from stages.rendering.translate import Rendering
from stages.translate_model import Direction


@dataclass(frozen=True, slots=True)
class LookOfFilm:
    """What all chunks of a film have in common."""

    model: FileRef  # folder of the translator
    direction: Direction
    clip: FileRef
    rendering: Rendering
    encoding: Encoding
    compute: Compute
    facts: str  # sha256 of the model's model.json, by which chunks are known

    def at(self, workspace: Workspace) -> tuple[FileRef, FileRef]:
        """Its model.json and its clip where they lie on this machine.

        Raises: StorageError: one is nowhere.
        """
        folder, clip = (found(ref, workspace) for ref in (self.model, self.clip))
        return FileRef(folder.path / FACTS, self.facts), clip


def translate_there(piece: tuple[LookOfFilm, Stretch], workspace: Workspace) -> Segment:
    """Make one chunk, in a worker's process, so that all who use the workspace find it."""
    film, stretch = piece
    model, clip = film.at(workspace)
    how = film.rendering, film.encoding, film.compute
    return whole(translate_chunk, model, film.direction, clip, stretch, None, *how, workspace)


def fan_out(film: LookOfFilm, stretches: Sequence[Stretch], workspace: Workspace, cluster: str) -> None:
    """Let a cluster make the chunks of a film, and wait until all are there.

    Args:
        cluster: address of Dask's scheduler, such as tcp://10.0.0.5:8786; or LOCAL.

    Raises: see `make_there`.
    """
    make_there(
        translate_there,
        [(film, stretch) for stretch in stretches],
        (film.model, film.clip),
        workspace,
        cluster,
        title=f"Translating {film.clip.path.name} on {cluster}",
        unit="chunks",
        relief=", or a smaller --tile",
    )
