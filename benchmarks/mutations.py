"""Seeded damage to files: what disks, networks and strangers with a hex editor do to them.

Every function takes bytes (or plain JSON values) and a generator of chance, and returns the damaged ones; the same
seed makes the same damage.
"""

import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import yaml

BOXES = (b"moov", b"trak", b"mdia", b"minf", b"stbl")  # of MP4: those that hold others
EXTREMES = (b"\0\0\0\0", b"\0\0\0\1", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\xff\xff\xff\xff")
HEADER = 2048  # bytes at both ends, where containers keep their tables
NASTY: tuple[Any, ...] = (
    *(None, True, "", "ü\n\x1b[2J", "x" * 100_000, "../../../etc/passwd", "/etc/passwd"),
    *(0, -1, 2**31, 2**63, 10**400, 0.5, -1e308, 1e308, float("nan"), float("inf")),
    *([], {}, [[]], {"": {}}, [None] * 1000, {"version": 1}),
)
WORDS = (  # that YAML reads otherwise than people do
    *("&a [*a, *a]", "*a", "!!python/object/apply:os.system [ls]", "{", "[[", "1e999", ".nan", "~", "- ", "yes", '"'),
)

Chance = np.random.Generator
Damage = Callable[[bytes, Chance], bytes]


def _span(data: bytes, chance: Chance, longest: int = 4096) -> tuple[int, int]:
    start = int(chance.integers(0, max(1, len(data))))
    return start, min(len(data), start + int(chance.integers(1, longest)))


def flip_bits(data: bytes, chance: Chance) -> bytes:
    """One bit to sixty-four, anywhere."""
    changed = bytearray(data)
    for place in chance.integers(0, len(data), int(2 ** chance.integers(0, 7))):
        changed[place] ^= 1 << int(chance.integers(8))
    return bytes(changed)


def truncate(data: bytes, chance: Chance) -> bytes:
    """Cut short, anywhere."""
    return data[: int(chance.integers(0, len(data)))]


def blank(data: bytes, chance: Chance) -> bytes:
    """A span of zeros, as a lost block of a disk."""
    start, stop = _span(data, chance)
    return data[:start] + bytes(stop - start) + data[stop:]


def splice(data: bytes, chance: Chance) -> bytes:
    """A span written over another place."""
    (start, stop), place = _span(data, chance), int(chance.integers(0, len(data)))
    return data[:place] + data[start:stop] + data[place + stop - start :]


def repeat(data: bytes, chance: Chance) -> bytes:
    """A span twice, so that all behind it moves."""
    start, stop = _span(data, chance)
    return data[:stop] + data[start:]


def drop(data: bytes, chance: Chance) -> bytes:
    """A span taken out."""
    start, stop = _span(data, chance)
    return data[:start] + data[stop:]


def edit_header(data: bytes, chance: Chance) -> bytes:
    """Extreme numbers near either end, where tables of lengths and offsets lie."""
    changed = bytearray(data)
    for _ in range(int(chance.integers(1, 5))):
        near = int(chance.integers(0, min(HEADER, len(data))))
        place = near if chance.random() < 0.7 else max(0, len(data) - 1 - near)
        changed[place : place + 4] = EXTREMES[int(chance.integers(len(EXTREMES)))]
    return bytes(changed[: len(data)])


def edit_boxes(data: bytes, chance: Chance) -> bytes:
    """A box of an MP4 doubled, removed, or with an extreme number in it; the header of any other file."""
    boxes = list(_boxes(data, 0, len(data)))
    if not boxes:
        return edit_header(data, chance)
    start, stop = boxes[int(chance.integers(len(boxes)))]
    what = int(chance.integers(4))
    if what == 0:
        return data[:stop] + data[start:]
    if what == 1:
        return data[:start] + data[stop:]
    place = start + (0 if what == 2 else int(chance.integers(8, max(9, min(stop - start, 256)))))
    return data[:place] + EXTREMES[int(chance.integers(len(EXTREMES)))] + data[place + 4 :]


def _boxes(data: bytes, place: int, end: int) -> list[tuple[int, int]]:
    """Start and stop of every box, also of those inside others; nothing where the first is no box."""
    found: list[tuple[int, int]] = []
    while place + 8 <= end:
        size, kind = int.from_bytes(data[place : place + 4], "big"), data[place + 4 : place + 8]
        if size < 8 or place + size > end or not kind.isalnum():
            break
        found.append((place, place + size))
        if kind in BOXES:
            found += _boxes(data, place + 8, place + size)
        place += size
    return found


DAMAGES: tuple[Damage, ...] = (flip_bits, truncate, blank, splice, repeat, drop, edit_header, edit_boxes)


def damaged(data: bytes, chance: Chance) -> bytes:
    """One kind of damage, or two."""
    for _ in range(int(chance.integers(1, 3))):
        data = DAMAGES[int(chance.integers(len(DAMAGES)))](data or b"\0", chance)
    return data


def damaged_json(data: bytes, chance: Chance) -> bytes:
    """JSON that still is some: a value replaced by a nasty one, taken out, or buried in brackets."""
    tree = json.loads(data)
    for _ in range(int(chance.integers(1, 4))):
        _damage_value(tree, chance)
    return json.dumps(tree).encode("utf-8", "surrogatepass")


def buried_json(data: bytes, chance: Chance) -> bytes:
    """JSON within more brackets than a reader has stack for."""
    depth = 10 ** int(chance.integers(2, 6))
    return b"[" * depth + data + b"]" * depth


def _damage_value(tree: Any, chance: Chance) -> None:
    while True:
        keys = list(tree) if isinstance(tree, dict) else list(range(len(tree)))
        if not keys:
            return
        key = keys[int(chance.integers(len(keys)))]
        if not isinstance(tree[key], dict | list) or chance.random() < 0.2:
            break
        tree = tree[key]
    if chance.random() < 0.2:
        del tree[key]
    else:
        tree[key] = NASTY[int(chance.integers(len(NASTY)))]


def damaged_arrays(data: bytes, chance: Chance) -> bytes:
    """An .npz whose zip is sound and whose arrays are not: damaged inside, exchanged, doubled, left out."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = [(name, archive.read(name)) for name in archive.namelist()]
    chosen = int(chance.integers(len(parts)))
    name, array = parts[chosen]
    what = int(chance.integers(5))
    if what < 2:
        parts[chosen] = (name, edit_header(array[:160], chance) + array[160:] if what else damaged(array, chance))
    elif what == 2:
        parts[chosen] = (name, _claimed(array, chance))
    elif what == 3:
        parts[chosen] = (name, parts[int(chance.integers(len(parts)))][1])
    else:
        del parts[chosen]
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, array in parts:
            archive.writestr(name, array)
    return made.getvalue()


def _claimed(array: bytes, chance: Chance) -> bytes:
    """The array under a header that claims another type or size."""
    kinds, shapes = (
        ("<f4", "<i8", "|O", "|S5", "<f8", "|V9"),
        ("()", "(0,)", "(1000000000,)", "(1000000000000,)", "(12, 3)"),
    )
    kind, shape = kinds[int(chance.integers(len(kinds)))], shapes[int(chance.integers(len(shapes)))]
    head = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}".encode()
    head += b" " * (-(len(head) + 11) % 64) + b"\n"
    return b"\x93NUMPY\x01\x00" + len(head).to_bytes(2, "little") + head + array[128:]


def damaged_tensors(data: bytes, chance: Chance) -> bytes:
    """A safetensors file whose header is sound JSON that says wrong things, or whose words hold damaged JSON."""
    length = int.from_bytes(data[:8], "little")
    head = json.loads(data[8 : 8 + length])
    words = head.get("__metadata__", {})
    key = next(iter(words), None)
    if key is not None and chance.random() < 0.7:
        try:
            words[key] = damaged_json(words[key].encode(), chance).decode("utf-8", "replace")
        except ValueError:
            words[key] = ""
        text = json.dumps(head).encode("utf-8", "replace")
    else:
        text = damaged_json(json.dumps(head).encode(), chance)
    return len(text).to_bytes(8, "little") + text + data[8 + length :]


def damaged_yaml(data: bytes, chance: Chance) -> bytes:
    """YAML with words, lines and indents exchanged; now and then one that grows without end when it is read."""
    if chance.random() < 0.1:
        return b"a: &a [1, 1]\n" + b"".join(
            b"%c: &%c [*%c, *%c]\n" % (98 + n, 98 + n, 97 + n, 97 + n) for n in range(25)
        )
    if chance.random() < 0.6:  # sound YAML that says wrong things
        return yaml.safe_dump(json.loads(damaged_json(json.dumps(yaml.safe_load(data)).encode(), chance))).encode()
    lines = data.decode().split("\n")
    for _ in range(int(chance.integers(1, 4))):
        number = int(chance.integers(len(lines)))
        words = lines[number].split(" ")
        what, word = int(chance.integers(4)), WORDS[int(chance.integers(len(WORDS)))]
        if what == 0:
            words[int(chance.integers(len(words)))] = word
        elif what == 1:
            words = ["", "", *words]
        elif what == 2:
            lines.insert(number, lines[int(chance.integers(len(lines)))])
            continue
        else:
            words[-1] = str(NASTY[int(chance.integers(len(NASTY)))])
        lines[number] = " ".join(words)
    return "\n".join(lines).encode("utf-8", "replace")
