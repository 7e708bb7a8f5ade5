"""Video in and out, frame by frame, with exact time; the only room of PyAV."""

from pipeline.video.encoding import DEFAULT_ENCODING, LOSSLESS, Encoding, available_codecs, decoder_licence
from pipeline.video.joining import join_segments
from pipeline.video.opening import FORMATS
from pipeline.video.probing import SoundInfo, probe, probe_sound
from pipeline.video.reading import VideoReader, read_video
from pipeline.video.timing import frame_times
from pipeline.video.writing import VideoWriter, refuse_rounding, write_video

__all__ = [
    "DEFAULT_ENCODING",
    "FORMATS",
    "LOSSLESS",
    "Encoding",
    "SoundInfo",
    "VideoReader",
    "VideoWriter",
    "available_codecs",
    "decoder_licence",
    "frame_times",
    "join_segments",
    "probe",
    "probe_sound",
    "read_video",
    "refuse_rounding",
    "write_video",
]
