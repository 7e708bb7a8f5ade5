"""What a step of training looks at: true frames, the same painted, their motion, and where faces and hands are."""

from collections.abc import Sequence
from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor

from models.region import Region
from models.vid2vid.discriminators import WindowedFrames


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Truth:
    """A stretch of t true frames, and what the teacher says of their motion."""

    conditions: Float[Tensor, "b t c h w"]  # of each frame alone, as the generator is shown them
    frames: Float[Tensor, "b t 3 h w"]  # -1..1
    before: Float[Tensor, "b t 3 h w"]  # the frame before each; anything where there is none
    flow: Float[Tensor, "b t 2 h w"]  # pixels, from each to the one before
    confidence: Float[Tensor, "b t 1 h w"]  # 0 do not trust it … 1; 0 where there is no frame before
    orphans: int = 0  # frames at the start that have no frame before them; what follows from one is not computed there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blend:
    """What the painted frames were blended of."""

    raw: Float[Tensor, "b t 3 h w"]  # painted without the frame before, -1..1
    flow: Float[Tensor, "b t 2 h w"]  # predicted, pixels
    mask: Float[Tensor, "b t 1 h w"]  # 1 painted … 0 fetched
    warped: Float[Tensor, "b t 3 h w"]  # the frame before, fetched


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Painted:
    """The same stretch as the generator painted it, at the finest scale; carries its graph."""

    frames: Float[Tensor, "b t 3 h w"]  # -1..1
    before: Float[Tensor, "b t 3 h w"]  # the painted frame before each; anything where there is none
    blend: Blend | None  # None: the generator predicts no flow

    @property
    def pictures(self) -> tuple[Float[Tensor, "b t 3 h w"], ...]:
        """What is judged as a picture: the finished frames, and the raw ones where they are blended of these."""
        return (self.frames,) if self.blend is None else (self.frames, self.blend.raw)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Scene:
    """All that a step of training looks at."""

    truth: Truth
    painted: Painted
    motion: Sequence[WindowedFrames | None] = ()  # of each temporal scale; None where no window fits yet
    faces: Sequence[Region] = ()  # each with b·t squares, frames of one clip together; all of one size
    hands: Sequence[Region] = ()
