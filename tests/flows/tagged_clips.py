"""Clips that say more than they show, as phones and cameras write them."""

import subprocess
from pathlib import Path

from pipeline.delivery import ffmpeg_program

# Words that stand in a tagged clip and must not stand in a film made of it.
TAGS = ("+48.8577+002.2", "Fruit Inc", "Fone 9", "2024-05-06", "Ann at home", "Ann's microphone", "a secret", "Ann S.")
ALL = ("-c", "copy", "-movflags", "use_metadata_tags")  # or ffmpeg writes only those that it knows
_OF_THE_FILE = {
    "location": "+48.8577+002.2950/",
    "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950/",
    "make": "Fruit Inc",
    "model": "Fone 9",
    "creation_time": "2024-05-06T07:08:09Z",
    "title": "Ann at home",
    "comment": "a secret",
    "artist": "Ann S.",
}


def tagged(clip: Path, output: Path) -> Path:
    """A copy of a clip with place, device, day, title and owner, of the file and of its sound."""
    words = [word for name, value in _OF_THE_FILE.items() for word in ("-metadata", f"{name}={value}")]
    of_sound = ["-metadata:s:a:0", "language=ger", "-metadata:s:a:0", "handler_name=Ann's microphone"]
    subprocess.run(
        [ffmpeg_program(), "-loglevel", "error", "-y", "-i", clip, *words, *of_sound, *ALL, output],
        check=True,
        timeout=60,
    )
    return output
