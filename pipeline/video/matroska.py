"""See whether a Matroska or WebM file is whole, from the skeleton of its elements.

FFmpeg's reader looks for the next whole cluster where the structure breaks, and takes a file cut short for its end,
both without a word; the container holds no count of frames by which to tell. Layout: EBML (RFC 8794), in which every
element is an id, a size and a body; Matroska (RFC 9559).
"""

from pathlib import Path
from typing import BinaryIO, NamedTuple

EBML_HEADER = 0x1A45DFA3
SEGMENT = 0x18538067
CLUSTER = 0x1F43B675
ENTERED = (SEGMENT, CLUSTER)  # their bodies are walked through, all others are stepped over
SEGMENT_PARTS = (
    *(0x114D9B74, 0x1549A966, 0x1654AE6B, 0x1C53BB6B),  # seek head, info, tracks, cues
    *(0x1941A469, 0x1043A770, 0x1254C367),  # attachments, chapters, tags
)
CLUSTER_PARTS = (0xE7, 0xA3, 0xA0, 0xA7, 0xAB, 0x5854, 0xAF)  # timestamp, blocks, position, size of the previous, …
ANYWHERE = (0xEC, 0xBF)  # void, checksum
KNOWN = frozenset((EBML_HEADER, *ENTERED, *SEGMENT_PARTS, *CLUSTER_PARTS, *ANYWHERE))


class Element(NamedTuple):
    """The head of one element."""

    ident: int
    body: int  # byte at which the body begins
    end: int | None  # byte after it; None where a live recorder left the size open


def fault_in(path: Path) -> str | None:
    """What is broken, in words for an error; None where the file is whole or another kind of container."""
    size = path.stat().st_size
    with path.open("rb") as file:
        first = _element_at(file, 0)
        if first is None or first.ident != EBML_HEADER:
            return None
        place, end = 0, size
        while place < end:
            element = _element_at(file, place)
            if element is None or element.ident not in KNOWN or (element.end is None and element.ident not in ENTERED):
                return f"the file's structure breaks at byte {place} of {size}"
            if element.end is not None and element.end > size:
                return f"the file ends {element.end - size} bytes early"
            if element.ident == SEGMENT:
                end = element.end or size  # what may trail after the segment is not ours
            place = element.body if element.end is None or element.ident in ENTERED else element.end
    return None


def _element_at(file: BinaryIO, place: int) -> Element | None:
    """Ids and sizes tell their own length by the zero bits they begin with; all ones is an open size."""
    file.seek(place)
    head = file.read(12)
    if len(head) < 2 or not head[0] >> 4:
        return None
    id_length = 9 - head[0].bit_length()
    rest = head[id_length:]
    if not rest or not rest[0]:
        return None
    size_length = 9 - rest[0].bit_length()
    ones = (1 << 7 * size_length) - 1
    size = int.from_bytes(rest[:size_length]) & ones
    body = place + id_length + size_length
    return Element(int.from_bytes(head[:id_length]), body, None if size == ones else body + size)
