"""Which frames the temporal judges see together: the same few frames, at strides that grow with the scale.

Source: Wang et al. 2018, "Video-to-Video Synthesis", sec. 3 (conditional video discriminator: multiple scales in time),
with the windows of its published training.
"""

Window = tuple[int, ...]


def temporal_windows(frames: int, fresh: int, scale: int, length: int = 3) -> list[Window]:
    """List the windows of one temporal scale, newest first, as indices into the frames at hand.

    A window is (e − 2d, e − d, e) for the default length, with stride d = lengthˢᶜᵃˡᵉ. The first ends at the newest
    frame, each next one `length` frames earlier, as long as it ends among the fresh frames and begins where frames are
    at hand. A scale that does not fit yet has no windows.

    Args:
        frames: at hand, history and fresh ones.
        fresh: how many of them, the newest, were generated in this chunk: only these carry a gradient.
        scale: 0 looks at consecutive frames.
        length: K, frames of a window, 2 or more.
    Raises: ValueError where `fresh` is more than `frames`, or an argument is below its least value.
    """
    if not 0 <= fresh <= frames or scale < 0 or length < 2:
        raise ValueError(
            f"temporal_windows was given frames={frames}, fresh={fresh}, scale={scale}, length={length}; expected "
            "0 <= fresh <= frames, scale 0 or more, length 2 or more."
        )
    stride = length**scale
    span = (length - 1) * stride
    ends = range(frames - 1, max(span, frames - fresh) - 1, -length)
    return [tuple(range(end - span, end + 1, stride)) for end in ends]


def history_needed(scales: int, length: int = 3) -> int:
    """How many frames before a chunk the coarsest of `scales` temporal scales looks back on; 0 without any scale.

    Keep the last so many, detached, of what was generated and of the true frames.
    """
    return (length - 1) * length ** (scales - 1) if scales else 0
