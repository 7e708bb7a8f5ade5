"""Where numbers are computed is decided once, plainly, and the same seed gives the same chance everywhere."""

from types import SimpleNamespace

import pytest
import torch

from pipeline.compute import Compute, keep_memory, resolve_compute
from pipeline.errors import UnderstudyError, UnknownChoice


def test_auto_without_a_gpu_is_the_processor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert resolve_compute("auto", 5).device == "cpu"
    assert resolve_compute("auto", 5).seed == 5


@pytest.mark.parametrize(("supported", "precision"), [(True, "bfloat16"), (False, "float32")])
def test_a_processor_computes_in_bfloat16_only_where_it_has_the_instructions(
    monkeypatch: pytest.MonkeyPatch, supported: bool, precision: str
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: supported)
    compute = resolve_compute("cpu", 0)
    assert compute.precision == precision
    assert "AVX512-BF16" in compute.reason


def test_a_gpu_that_is_not_there_is_said_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UnderstudyError) as caught:
        resolve_compute("cuda", 0)
    assert str(caught.value) == (
        "--device cuda: PyTorch sees no CUDA device; expected a GPU with its driver. Use --device auto."
    )


def test_an_unknown_device_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownChoice, match="there is no 'tpu'; expected one of auto, cpu, cuda"):
        resolve_compute("tpu", 0)


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_autocast_multiplies_in_the_precision_that_was_chosen(precision: str, dtype: torch.dtype) -> None:
    compute = Compute("cpu", precision)  # type: ignore[arg-type]  # parametrized
    with compute.autocast():
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == dtype == compute.dtype


def test_chance_repeats_with_its_seed_and_differs_from_stream_to_stream() -> None:
    def drawn(seed: int, stream: int) -> list[int]:
        return torch.randint(1 << 30, (4,), generator=Compute(seed=seed).generator(stream)).tolist()

    assert drawn(1, 0) == drawn(1, 0)
    assert len({tuple(drawn(seed, stream)) for seed in (0, 1) for stream in (0, 1)}) == 4


@pytest.fixture
def settings_made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """What malloc is told, on a system that has glibc."""
    made: list[tuple[int, int]] = []

    def mallopt(setting: int, value: int) -> int:
        made.append((setting, value))
        return 1

    monkeypatch.setattr("pipeline.compute.platform.system", lambda: "Linux")
    monkeypatch.setattr("pipeline.compute.platform.libc_ver", lambda: ("glibc", "2.36"))
    monkeypatch.setattr("pipeline.compute.ctypes.CDLL", lambda name: SimpleNamespace(mallopt=mallopt))
    monkeypatch.delenv("MALLOC_MMAP_THRESHOLD_", raising=False)
    return made


def test_malloc_keeps_a_gibibyte_of_freed_memory(settings_made: list[tuple[int, int]]) -> None:
    assert keep_memory()
    assert settings_made == [(-3, 1 << 30), (-1, 1 << 30)]  # M_MMAP_THRESHOLD, M_TRIM_THRESHOLD


def test_malloc_stays_as_the_user_has_set_it(
    settings_made: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALLOC_MMAP_THRESHOLD_", "65536")
    assert not keep_memory()
    assert not settings_made


def test_other_systems_have_no_such_setting(
    settings_made: list[tuple[int, int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipeline.compute.platform.system", lambda: "Darwin")
    assert not keep_memory()
    assert not settings_made
