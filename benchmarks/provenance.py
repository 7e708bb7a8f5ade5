"""How long signing and verifying a film of 100 MB takes, and whether every kind of changed byte is found.

    python -m benchmarks.provenance [--megabytes 100] [--flips 200]

Results: benchmarks/results/provenance.md.
"""

import argparse
import shutil
import struct
import tempfile
import time
from pathlib import Path

import numpy as np

from pipeline.artifacts import FileRef
from pipeline.delivery import carry_sound
from pipeline.video import Encoding, probe, read_video, write_video
from stages.provenance.consent import nobody
from stages.provenance.identity import Identity, own_certificate, own_identity
from stages.provenance.manifest import sign
from stages.provenance.origin import Ingredient, Origin
from stages.provenance.sidecar import describe, sidecar_of, write_sidecar
from stages.provenance.verify import verify

SAMPLES = Path(__file__).parents[1] / "sample_videos"
ROUNDS = 5


def main() -> None:
    """Measure in a temporary folder and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--flips", type=int, default=200)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        film = large_film(folder, wanted.megabytes)
        identity = own_identity(folder / "config")
        print(f"{film.stat().st_size / 1e6:.1f} MB, {probe(film).frames} frames, {ROUNDS} rounds")
        signed = timed(folder, film, identity)
        small = folder / "small.mp4"
        sign(folder / "one.mp4", small, origin_of(folder / "one.mp4"), identity, {}, small.name)
        print("one changed byte, in the small film, by the box it lies in:")
        for box, (found, tried) in flips(small, folder / "flipped.mp4", wanted.flips, identity).items():
            print(f"  {box}: {found} of {tried} found")
        print("one changed byte, in the large film:", "found" if found_in(signed, folder) else "NOT FOUND")


def large_film(folder: Path, megabytes: int) -> Path:
    """The sample dance, without loss, with sound, over and over until it is large enough."""
    clip = SAMPLES / "red_dance.mp4"
    with read_video(clip, stop_index=48) as video:
        frames, info = list(video), video.info
    with write_video(folder / "silent.mp4", info, encoding=Encoding(crf=0, preset="ultrafast")) as film:
        for frame in frames:
            film.write(frame)
    carry_sound(folder / "silent.mp4", clip, folder / "one.mp4")
    rounds = megabytes * 1_000_000 // (folder / "silent.mp4").stat().st_size + 1
    span = len(frames) / info.frame_rate
    with write_video(folder / "film.mp4", info, encoding=Encoding(crf=0, preset="ultrafast")) as film:
        for number in range(rounds):
            for frame in frames:
                film.write(type(frame)(frame.image, number * span + frame.time, number * len(frames) + frame.index))
    return folder / "film.mp4"


def origin_of(film: Path) -> Origin:
    """As of a dance of the samples."""
    parts = (
        Ingredient(role="source", name=film.name, sha256=FileRef.of(film).sha256, media_type="video/mp4"),
        Ingredient(role="model", name="ann/model.json", sha256="c" * 64, media_type="application/json"),
    )
    return Origin(work="dance", ingredients=parts, consent=nobody())


def timed(folder: Path, film: Path, identity: Identity) -> Path:
    """Sign and verify again and again; print the fastest and the slowest."""
    signed, origin = folder / "signed.mp4", origin_of(film)
    signing, checking, with_sidecar = [], [], []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        sign(film, signed, origin, identity, {"source": film}, signed.name)
        signing.append(time.perf_counter() - begun)
        begun = time.perf_counter()
        assert verify(signed, own=own_certificate(folder / "config")).vouched_for
        checking.append(time.perf_counter() - begun)
        write_sidecar(sidecar_of(signed), describe(signed, FileRef.of(signed).sha256, origin, identity))
        begun = time.perf_counter()
        assert verify(signed, own=own_certificate(folder / "config")).vouched_for
        with_sidecar.append(time.perf_counter() - begun)
        sidecar_of(signed).unlink()
    for what, seconds in (("signing", signing), ("verifying", checking), ("verifying with sidecar", with_sidecar)):
        print(f"  {what}: {min(seconds):.2f} to {max(seconds):.2f} s")
    print(f"  the film grew by {signed.stat().st_size - film.stat().st_size} bytes")
    return signed


def flips(film: Path, changed: Path, count: int, identity: Identity) -> dict[str, tuple[int, int]]:
    """Change one bit at a time: how many were found, by the outer box, and how many were tried.

    The boxes that no hash of C2PA covers are tried byte by byte, and once more with the sidecar.
    """
    content, dice = film.read_bytes(), np.random.default_rng(0)
    found: dict[str, tuple[int, int]] = {}
    for box, begin, end in boxes(content):
        few = end - begin <= 64
        places = range(begin, end) if few else sorted({int(place) for place in dice.integers(begin, end, count)})
        hits = sum(not unnoticed(content, place, changed) for place in places)
        found[box] = (hits, len(places))
        if hits < len(places):
            write_sidecar(sidecar_of(changed), describe(changed, FileRef.of(film).sha256, origin_of(film), identity))
            hits = sum(not unnoticed(content, place, changed) for place in places)
            sidecar_of(changed).unlink()
            found[f"{box}, with its sidecar"] = (hits, len(places))
    return found


def boxes(content: bytes) -> list[tuple[str, int, int]]:
    """Name, begin and end of the outer boxes."""
    found, place = [], 0
    while place < len(content):
        length, name = struct.unpack(">I4s", content[place : place + 8])
        found.append((name.decode(), place, place + length))
        place += length
    return found


def unnoticed(content: bytes, place: int, changed: Path) -> bool:
    """Whether a film whose bit at `place` was changed is still vouched for."""
    altered = bytearray(content)
    altered[place] ^= 1
    changed.write_bytes(altered)
    return verify(changed).vouched_for


def found_in(film: Path, folder: Path) -> bool:
    """Change the middle byte of a film."""
    changed = folder / "changed.mp4"
    shutil.copy(film, changed)
    with changed.open("r+b") as file:
        file.seek(film.stat().st_size // 2)
        byte = file.read(1)[0]
        file.seek(-1, 1)
        file.write(bytes([byte ^ 1]))
    return not verify(changed).vouched_for


if __name__ == "__main__":
    main()
