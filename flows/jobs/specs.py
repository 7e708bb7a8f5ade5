"""What a job may say: one frozen model for each kind, with the names and defaults of the command's options."""

import re
from pathlib import Path
from typing import Annotated, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, model_validator

NAME_LETTERS = r"\w .+@-"
LONGEST_NAME = 100
SMALLEST_TILE = 64

File = Annotated[Path, Field(strict=False)]
Files = Annotated[tuple[File, ...], Field(strict=False)]
Words = Annotated[tuple[str, ...], Field(strict=False)]
TRAINING, SIGNING = ("perceptual", "consent"), ("sign_cert", "sign_key")  # fields that name files
WORDS = {
    "perceptual": ("auto", "none"),
    "weights": ("auto", "none"),
    "consent": ("self",),
}  # that stand where a path may
Slide = str | float | None  # 1.3: so much more of it; "+0.3": moved by so much


class BaseJob(BaseModel):
    """What every job says. Relative paths count from where the program runs; a jobs file makes its own whole."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)

    READS: ClassVar[tuple[str, ...]]  # fields that name files and folders
    WRITES: ClassVar[tuple[str, ...]] = ("output",)
    LISTS: ClassVar[tuple[str, ...]] = ()  # those of READS that name several at once

    kind: str
    output: File = Field(description="Where the result goes.")
    name: str = Field(
        default="", pattern=rf"^(\w[{NAME_LETTERS}]*)?$", max_length=LONGEST_NAME, description="Its name."
    )
    overwrite: bool = Field(default=False, description="Replace an output that is not this job's.")
    threads: int | None = Field(default=None, ge=1, le=1024, description="Of the processor, for networks; else all.")

    @model_validator(mode="after")
    def _is_named(self) -> Self:
        """A job without a name is called as its output."""
        if not self.name:
            letters = re.sub(rf"[^{NAME_LETTERS}]", "-", self.output.stem).lstrip(" .+@-")[:LONGEST_NAME]
            object.__setattr__(self, "name", letters or "job")
        return self

    def inputs(self) -> tuple[Path, ...]:
        """Files and folders that must be there before the job starts."""
        return tuple(path for field in self.READS for path in self.paths(field))

    def outputs(self) -> tuple[Path, ...]:
        """Files and folders that the job makes, the main one first."""
        return tuple(path for field in self.WRITES for path in self.paths(field))

    def paths(self, field: str) -> tuple[Path, ...]:
        """The paths that a field names; a word such as `auto` is none."""
        value = getattr(self, field)
        return tuple(path for path in (value if isinstance(value, tuple) else (value,)) if isinstance(path, Path))


class _Encoded(BaseModel):
    codec: str = Field(default="libx264", description="Of the film: libx264, libx265, libsvtav1 …")
    crf: int = Field(default=18, ge=0, le=63, description="Quality of the film, 0 best.")
    encoder_preset: str = Field(default="medium", description="Speed of encoding against size.")
    sign_cert: File | None = Field(default=None, description="PEM: sign with this certificate; else a self-made one.")
    sign_key: File | None = Field(default=None, description="PEM: its key.")
    label: str | None = Field(default=None, description="Write this into every picture, small.")


class _SteadyGated(BaseModel):
    max_warp_error_ratio: float | None = Field(
        default=None, ge=0, description="Park the film where it flickers more, times the source."
    )


class _Gated(_SteadyGated):
    max_missing_pct: float | None = Field(
        default=None, ge=0, le=100, description="Park it where more % of frames show nobody."
    )
    max_clamped_pct: float | None = Field(
        default=None, ge=0, le=100, description="Park it where more % of frames were held back in range."
    )


class _BodyGated(_Gated):
    max_pose_error_pct: float | None = Field(
        default=None, ge=0, description="Park it above this pose error, % of the body height."
    )


class _Computed(BaseModel):
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where networks run.")
    seed: int = Field(default=0, description="Of everything drawn by chance.")


class _Trained(BaseModel):
    flow_teacher: str = Field(default="dis", description="Who shows vid2vid the motion: dis, or raft (weights).")
    minutes: float | None = Field(default=None, ge=0.01, description="Budget for training.")
    steps: int | None = Field(default=None, ge=1, description="The same in steps.")
    size: str | None = Field(default=None, pattern=r"^[1-9]\d*x[1-9]\d*$", description="WxH of the network's picture.")
    perceptual: Literal["auto", "none"] | File = Field(
        default="auto", description="VGG-19 weights: a file, auto (torchvision's place), or none."
    )


class _FannedOut(BaseModel):
    fan_out: str | None = Field(
        default=None,
        description="Dask cluster that tracks, and prepares what is trained on: an address, or local.",
    )


class _Consented(BaseModel):
    consent: Literal["self"] | File | None = Field(
        default=None, description="A file with the person's statement, or self."
    )
    without_consent_record: bool = Field(default=False, description="Train without a statement; it is written down.")


class DanceJob(_Consented, _Trained, _Encoded, _BodyGated, _FannedOut, _Computed, BaseJob):
    """Let the person of `target` perform the dance of `source`: as `understudy dance`."""

    READS = ("source", "target", *TRAINING, *SIGNING)

    kind: Literal["dance"] = "dance"
    source: File = Field(description="Whose dance.")
    target: File = Field(description="Whose body.")
    method: str = Field(default="vid2vid", description="vid2vid, or everybody-dance-now.")
    preset: str = Field(default="draft", description="draft (minutes, any machine), standard or hd (hours, GPU).")
    without: Words = Field(default=(), description="Train without these parts.")
    performer: str | None = Field(default=None, description="largest, left, right or X,Y, where several are seen.")
    target_performer: str | None = Field(default=None, description="The same in the target.")
    retarget: str = Field(default="auto", description="auto, global or limbs.")
    workers: int | None = Field(default=None, ge=1, description="Processes for tracking.")


class PortraitJob(_Consented, _Trained, _Encoded, _Gated, _FannedOut, _Computed, BaseJob):
    """Let the head in `target` do what the one in `source` does, or what sliders say: as `understudy portrait`."""

    READS = ("source", "target", "model", "edits", *TRAINING, *SIGNING)
    WRITES = ("output", "mosaic")

    kind: Literal["portrait"] = "portrait"
    source: File | None = Field(default=None, description="Whose motion; without it sliders move the target.")
    target: File | None = Field(default=None, description="Whose head; may be left out with a model.")
    model: File | None = Field(default=None, description="A trained portrait model.")
    transfer: str = Field(default="pose,expression,gaze,lids", description="What is borrowed; or mouth, to dub.")
    mode: Literal["relative", "absolute"] = Field(default="relative", description="Motion from rest, or the very pose.")
    motion: float = Field(default=1.0, ge=0, le=10, description="Pose and expression so much larger.")
    yaw: Slide = Field(default=None, description="Degrees.")
    pitch: Slide = Field(default=None, description="Degrees.")
    roll: Slide = Field(default=None, description="Degrees.")
    smile: Slide = Field(default=None, description="1.3: so much more of it; +0.3: moved by so much.")
    jaw: Slide = Field(default=None, description="As smile.")
    brows: Slide = Field(default=None, description="As smile.")
    lids: Slide = Field(default=None, description="As smile.")
    gaze: str | None = Field(default=None, description="RIGHT,UP in half eye widths.")
    edits: File | None = Field(default=None, description="Sliders over time, YAML.")
    onto: Literal["target", "still", "source"] | None = Field(default=None, description="What the head is put into.")
    mosaic: File | None = Field(default=None, description="Film of source, mesh, conditioning and result.")
    method: str = Field(default="deep-video-portraits", description="deep-video-portraits, or vid2vid.")
    preset: str = Field(default="draft", description="draft (minutes, any machine), standard or hd (hours, GPU).")
    face: str | None = Field(default=None, description="Of several: largest, left, right or INDEX.")
    target_face: str | None = Field(default=None, description="The same in the target.")

    @model_validator(mode="after")
    def _has_roles(self) -> Self:
        """Somebody to move, and something that moves him."""
        if self.model is not None and (self.consent is not None or self.without_consent_record):
            raise ValueError("no word on consent: a trained model has its own record")
        if self.target is None and self.model is None:
            raise ValueError("a target to train on, or a model")
        if self.source is None and (self.target is None or not self.is_edited):
            raise ValueError("a source; or a target and sliders such as yaw")
        return self

    @property
    def sliders(self) -> dict[str, str | None]:
        """The sliders as words of the command line."""
        words = {
            name: getattr(self, name) for name in ("yaw", "pitch", "roll", "smile", "jaw", "brows", "lids", "gaze")
        }
        return {name: f"{word:g}" if isinstance(word, float | int) else word for name, word in words.items()}

    @property
    def is_edited(self) -> bool:
        """Whether there are sliders."""
        return self.edits is not None or any(word is not None for word in self.sliders.values())


class TranslateJob(_Encoded, _SteadyGated, _Computed, BaseJob):
    """Show `clip` in the look that a model has learnt: as `understudy translate`."""

    READS = ("clip", "model", *SIGNING)

    kind: Literal["translate"] = "translate"
    clip: File = Field(description="The film.")
    model: File = Field(description="A trained translator.")
    direction: Literal["a-to-b", "b-to-a"] = Field(default="a-to-b", description="Which way.")
    steady: bool = Field(default=True, description="Blend each frame with the last one, moved as the clip moves.")
    tile: int | None = Field(default=None, ge=SMALLEST_TILE, description="Pixels of a tile's side, for less memory.")
    fan_out: str | None = Field(
        default=None, description="Dask cluster that makes the chunks: an address, or local. Only with steady: false."
    )


class RenderJob(_Encoded, _BodyGated, _FannedOut, _Computed, BaseJob):
    """Let a trained likeness perform `source`: as `understudy render`."""

    READS = ("source", "model", *SIGNING)

    kind: Literal["render"] = "render"
    source: File = Field(description="Whose dance.")
    model: File = Field(description="A trained dance model.")
    performer: str | None = Field(default=None, description="largest, left, right or X,Y, where several are seen.")
    retarget: str = Field(default="auto", description="auto, global or limbs.")
    workers: int | None = Field(default=None, ge=1, description="Processes for tracking.")


class TrainJob(_Consented, _Trained, _FannedOut, _Computed, BaseJob):
    """Train a likeness or a look into the model folder `output`: as `understudy train`."""

    READS = ("target", "a", "b", *TRAINING)
    LISTS = ("a", "b")

    kind: Literal["train"] = "train"
    what: Literal["dance", "portrait", "translate"] = Field(description="What is learnt.")
    target: File | None = Field(default=None, description="Of dance and portrait: whose likeness.")
    a: Files = Field(default=(), description="Of translate: clips, pictures and folders of one look.")
    b: Files = Field(default=(), description="Of translate: the same of the look to learn.")
    paired: bool = Field(default=False, description="Of translate: a and b show the same, picture by picture.")
    strict: bool = Field(default=False, description="Of translate: refuse files that cannot be read.")
    method: str | None = Field(default=None, description="Of dance and portrait: as there.")
    preset: str | None = Field(default=None, description="draft, standard or hd; dance: else what fits the machine.")
    without: Words = Field(default=(), description="Of dance and translate: train without these parts.")
    performer: str | None = Field(default=None, description="Of dance: largest, left, right or X,Y.")
    face: str | None = Field(default=None, description="Of portrait: largest, left, right or INDEX.")
    processes: int = Field(default=1, ge=1, description="Of dance: that train together, one for each GPU.")
    workers: int | None = Field(default=None, ge=1, description="Of dance: processes for tracking.")

    @model_validator(mode="after")
    def _has_what_it_learns_from(self) -> Self:
        """The fields of one kind of training stand with no other."""
        fields = type(self).model_fields
        foreign = sorted(name for name in FOREIGN[self.what] if getattr(self, name) != fields[name].default)
        if foreign:
            raise ValueError(f"no {', '.join(foreign)} in a training of {self.what}")
        if self.what == "translate":
            if not (self.a and self.b):
                raise ValueError("a and b to learn from")
            if self.paired and not len(self.a) == len(self.b) == 1:
                raise ValueError("one a and one b, as they are paired")
        elif self.target is None:
            raise ValueError("a target to learn from")
        return self


FOREIGN = {  # fields that say nothing to a kind of training
    "dance": {"a", "b", "paired", "strict", "face"},
    "portrait": {"a", "b", "paired", "strict", "without", "performer", "processes", "workers"},
    "translate": {
        *("target", "method", "flow_teacher", "size", "performer", "face", "processes", "workers"),
        *("consent", "without_consent_record", "fan_out"),
    },
}


class EvaluateJob(BaseJob):
    """Score `film` against a truth, or by its source, into the JSON file `output`: as `understudy evaluate`."""

    READS = ("film", "against", "source", "track", "weights")
    WRITES = ("output", "csv", "plots")

    kind: Literal["evaluate"] = "evaluate"
    film: File = Field(description="What was made.")
    against: File | None = Field(default=None, description="What should have come out.")
    source: File | None = Field(default=None, description="Without a truth: whose performance it shows.")
    track: File | None = Field(default=None, description="With a source: the track the film was made from.")
    held_out: bool = Field(default=False, description="Only the last 15 %, which training never saw.")
    between: str | None = Field(default=None, description="START-STOP: only these seconds.")
    weights: Literal["auto", "none"] | File = Field(
        default="auto", description="For LPIPS, FID, video distance: a folder, auto (torchvision's place), or none."
    )
    face: bool = Field(default=False, description="Of portraits: head, landmarks, gaze, lids.")
    csv: File | None = Field(default=None, description="Write the numbers of every frame here.")
    plots: File | None = Field(default=None, description="Draw them over time into this folder.")
    device: Literal["auto", "cpu", "cuda"] = Field(default="auto", description="Where networks run.")
    workers: int | None = Field(default=None, ge=1, description="Processes for tracking.")

    @model_validator(mode="after")
    def _is_one_comparison(self) -> Self:
        """A film is held against one other."""
        if (self.against is None) == (self.source is None):
            raise ValueError("against: a truth; or source, where there is none")
        if self.track is not None and (self.source is None or self.face):
            raise ValueError("a track only with a source, and of a body")
        if self.held_out and self.between is not None:
            raise ValueError("held_out or between, not both")
        return self


class TrackJob(_FannedOut, BaseJob):
    """Find one person's joints, or face, in every frame of `clip`: as `understudy track`."""

    READS = ("clip", "openpose")
    WRITES = ("output", "overlay")

    kind: Literal["track"] = "track"
    clip: File = Field(description="The film.")
    overlay: File | None = Field(default=None, description="Film with the joints drawn in.")
    openpose: File | None = Field(default=None, description="Read OpenPose's JSON from this folder instead.")
    face: bool = Field(default=False, description="Of a face: its 478 points instead of joints.")
    performer: str | None = Field(default=None, description="As for dance; of faces, as portrait's face.")
    workers: int | None = Field(default=None, ge=1, description="Processes for tracking.")

    @model_validator(mode="after")
    def _is_one_thing(self) -> Self:
        """OpenPose's files hold joints."""
        if self.face and self.openpose is not None:
            raise ValueError("face or openpose, not both: OpenPose's files hold joints")
        return self


AnyJob = DanceJob | PortraitJob | TranslateJob | TrainJob | RenderJob | EvaluateJob | TrackJob
Job = Annotated[AnyJob, Field(discriminator="kind")]
JOBS: dict[str, type[AnyJob]] = {
    "dance": DanceJob,
    "portrait": PortraitJob,
    "translate": TranslateJob,
    "train": TrainJob,
    "render": RenderJob,
    "evaluate": EvaluateJob,
    "track": TrackJob,
}
ANY_JOB: TypeAdapter[Job] = TypeAdapter(Job)
