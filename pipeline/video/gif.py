"""See whether a GIF is whole, from the skeleton of its blocks.

FFmpeg's reader takes a GIF cut short for its end, and looks for the next picture where the structure breaks, both
without a word; the container holds no count of frames by which to tell. Layout: GIF89a specification, sec. 15 to 27.
"""

from pathlib import Path
from typing import BinaryIO

SIGNATURES = (b"GIF87a", b"GIF89a")
HEADER, DESCRIPTOR = 13, 9  # bytes of the file's head, and of a picture's behind its introducer
PICTURE, EXTENSION, TRAILER = 0x2C, 0x21, 0x3B


def fault_in_gif(path: Path) -> str | None:
    """What is broken, in words for an error; None where the file is whole or no GIF."""
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(HEADER)
        if head[:6] not in SIGNATURES:
            return None
        if len(head) < HEADER:
            return f"the file ends early, after {size} bytes"
        file.seek(_colours(head[10]), 1)
        while (kind := file.read(1)) != bytes([TRAILER]):
            if not kind or file.tell() > size:
                return f"the file ends early, after {size} bytes"
            if kind[0] not in (PICTURE, EXTENSION):
                return f"the file's structure breaks at byte {file.tell() - 1} of {size}"
            _pass_over(file, kind[0])
    return None


def _colours(packed: int) -> int:
    """Bytes of the table of colours that follows."""
    return 3 * 2 ** ((packed & 7) + 1) if packed & 0x80 else 0


def _pass_over(file: BinaryIO, kind: int) -> None:
    if kind == PICTURE:
        descriptor = file.read(DESCRIPTOR)
        file.seek(_colours(descriptor[-1] if len(descriptor) == DESCRIPTOR else 0), 1)
    file.seek(1, 1)  # an extension's label, or the width of a picture's codes
    while (length := file.read(1)) not in (b"", b"\0"):
        file.seek(length[0], 1)
