"""The size a picture file says it has, read from its first bytes: decoding may ask for gigabytes.

PNG (ISO/IEC 15948), JPEG (ITU-T T.81), WebP (RFC 9649), BMP and TIFF 6.0, by their signatures, whatever their names.
"""

import struct

PNG, JPEG, BMP = b"\x89PNG\r\n\x1a\n", b"\xff\xd8", b"BM"
TIFFS = {b"II*\0": "<", b"MM\0*": ">"}  # the order of bytes that each signature stands for
WIDTH_TAG, HEIGHT_TAG = 256, 257  # of a TIFF's first directory
SHORT, LONG = 3, 4  # types of its values
STARTS_OF_FRAME = frozenset((*range(0xC0, 0xD0),)) - {0xC4, 0xC8, 0xCC}
WITHOUT_LENGTH = frozenset((0x01, *range(0xD0, 0xD9)))  # JPEG markers that stand alone


def picture_size(data: bytes) -> tuple[int, int] | None:
    """Width and height in pixels; None where the bytes are no picture of a kind that is read here."""
    try:
        if data.startswith(PNG):
            width, height = struct.unpack_from(">II", data, 16)
        elif data.startswith(JPEG):
            return _jpeg(data)
        elif data.startswith(b"RIFF") and data[8:12] == b"WEBP":
            return _webp(data)
        elif data.startswith(BMP):
            width, height = struct.unpack_from("<ii", data, 18)
        elif data[:4] in TIFFS:
            return _tiff(data, TIFFS[data[:4]])
        else:
            return None
    except (struct.error, IndexError):  # it ends before its size
        return None
    return abs(width), abs(height)  # a BMP that is stored from the top has a negative height


def _jpeg(data: bytes) -> tuple[int, int] | None:
    """Step from marker to marker up to the frame's; what lies between segments is passed over, as decoders do."""
    place = 2
    while (place := data.find(b"\xff", place)) >= 0 and place + 1 < len(data):
        marker = data[place + 1]
        place += 1
        if marker in STARTS_OF_FRAME:
            height, width = struct.unpack_from(">HH", data, place + 4)
            return width, height
        if marker not in (0x00, 0xFF) and marker not in WITHOUT_LENGTH:
            place += 1 + int(struct.unpack_from(">H", data, place + 1)[0])
    return None


def _webp(data: bytes) -> tuple[int, int] | None:
    kind = data[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(data[24:27], "little"), 1 + int.from_bytes(data[27:30], "little")
    if kind == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", data, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _tiff(data: bytes, order: str) -> tuple[int, int] | None:
    start = struct.unpack_from(f"{order}I", data, 4)[0]
    (count,) = struct.unpack_from(f"{order}H", data, start)
    sides: dict[int, int] = {}
    for entry in range(count):
        tag, kind = struct.unpack_from(f"{order}HH", data, start + 2 + 12 * entry)
        if tag in (WIDTH_TAG, HEIGHT_TAG) and kind in (SHORT, LONG):
            (sides[tag],) = struct.unpack_from(f"{order}{'H' if kind == SHORT else 'I'}", data, start + 10 + 12 * entry)
    if len(sides) < 2:
        return None
    return sides[WIDTH_TAG], sides[HEIGHT_TAG]
