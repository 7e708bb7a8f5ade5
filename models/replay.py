"""A performer whose frames are replays of a recording: on a GPU all of a frame's kernels start at one word of Python's.

Small networks wait for Python between their kernels. A CUDA graph holds the kernels of one frame together with the
places they read and write; `benchmarks/painting.py` measures where that pays.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from models.performance import Memory, Performance, Performer

WARM_UP = 3  # times before the recording: libraries choose their kernels, Triton compiles its own

Work = Callable[[], Performance]


@dataclass(frozen=True, slots=True, eq=False)
class Recording:
    """One frame's work, to be done again and again."""

    made: Performance  # the places that every replay fills anew
    replay: Callable[[], None]


Recorder = Callable[[Work], Recording]


def as_cuda_graph(work: Work) -> Recording:
    """Record the kernels that `work` launches on the current device, with the places they use.

    The low-precision copies of weights that autocast keeps are made anew in each replay: it would free them behind the
    recording's back.
    """
    beside = torch.cuda.Stream()
    beside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(beside), _no_kept_copies():
        for _ in range(WARM_UP):
            work()
    torch.cuda.current_stream().wait_stream(beside)
    graph = torch.cuda.CUDAGraph()
    # Other threads draw and encode meanwhile; what they ask of the device is none of this recording's business.
    with torch.cuda.graph(graph, capture_error_mode="thread_local"), _no_kept_copies():
        made = work()
    return Recording(made, graph.replay)


class ReplayedPerformer(Performer):
    """Paints as the performer it is given, by replays; frames without a memory are painted as always.

    What it returns lies where the next frame will be painted: use it, or copy it, before that. A picture of another
    size, type or layout is recorded anew; the precision of autocast must not change from frame to frame. Memory is what
    one frame takes, and its inputs once more.
    """

    def __init__(self, performer: Performer, record: Recorder = as_cuda_graph) -> None:
        """Take over a performer in evaluation mode; its weights must stay where they are."""
        super().__init__()
        self.performer = performer
        self._record = record
        self._inputs: tuple[Tensor, ...] = ()  # what the recording reads
        self._recording: Recording | None = None

    def blank(self, condition: Float[Tensor, "b _ h w"]) -> Memory:
        """Return the memory before the first frame, of a picture like `condition`."""
        return self.performer.blank(condition)

    def perform(
        self, condition: Float[Tensor, "b _ h w"], backdrop: Float[Tensor, "b 3 h w"], memory: Memory
    ) -> Performance:
        """Paint the next frame, without gradients."""
        with torch.no_grad():
            if memory.empty:
                return self.performer.perform(condition, backdrop, memory)
            given = (condition, backdrop, memory.conditions, *memory.pictures)
            if self._recording is None or not _alike(given, self._inputs):
                self._recording = None  # if the next fails, there is none
                self._inputs = tuple(one.clone() for one in given)
                self._recording = self._record(self._work)
            for held, new in zip(self._inputs, given, strict=True):
                held.copy_(new)
            self._recording.replay()
            return self._recording.made

    def remember(self, memory: Memory, condition: Float[Tensor, "b _ h w"], made: Performance) -> Memory:
        """Return the memory with this frame as its newest."""
        return self.performer.remember(memory, condition, made)

    def _work(self) -> Performance:
        condition, backdrop, conditions, *pictures = self._inputs
        return self.performer.perform(condition, backdrop, Memory(tuple(pictures), conditions, empty=False))


def _alike(some: tuple[Tensor, ...], others: tuple[Tensor, ...]) -> bool:
    """Whether what is given can be written where the others lie, and would be read as they are."""
    return [_kind(one) for one in some] == [_kind(one) for one in others]


def _kind(tensor: Tensor) -> tuple[torch.Size, tuple[int, ...], torch.dtype, torch.device]:
    return tensor.shape, tensor.stride(), tensor.dtype, tensor.device


def _no_kept_copies() -> torch.autocast:
    """The autocast that is on here, without its store of cast weights."""
    return torch.autocast(
        "cuda",
        torch.get_autocast_dtype("cuda"),
        enabled=torch.is_autocast_enabled("cuda"),
        cache_enabled=False,
    )
