"""Iterator bricks: order kept, memory bounded, threads gone when nobody listens."""

import threading
import time
from collections.abc import Iterator

import pytest

from pipeline.errors import VideoError
from pipeline.streams import batched, in_step, prefetched, with_past


def readers() -> int:
    return sum(thread.name == "prefetched" for thread in threading.enumerate())


def test_prefetched_items_are_the_same_in_the_same_order() -> None:
    assert list(prefetched(range(100), 3)) == list(range(100))
    assert readers() == 0


def test_prefetching_runs_ahead_but_no_further_than_told() -> None:
    read: list[int] = []

    def source() -> Iterator[int]:
        for number in range(100):
            read.append(number)
            yield number

    ahead = prefetched(source(), 3)
    assert next(ahead) == 0
    time.sleep(0.2)
    assert read == [0, 1, 2, 3, 4]  # one here, three waiting, one in the thread's hand
    ahead.close()


def test_what_the_source_raises_is_raised_after_what_came_before() -> None:
    def source() -> Iterator[int]:
        yield 1
        yield 2
        raise LookupError("the third is missing")

    ahead = prefetched(source(), 5)
    assert [next(ahead), next(ahead)] == [1, 2]
    with pytest.raises(LookupError, match="the third is missing"):
        next(ahead)
    assert readers() == 0


def test_leaving_early_stops_the_thread() -> None:
    ahead = prefetched(iter(range(10**9)), 2)
    for number in ahead:
        if number == 5:
            break
    ahead.close()
    assert readers() == 0


def test_a_source_that_ends_by_stop_iteration_of_its_own_is_over() -> None:
    assert list(prefetched([], 1)) == []


@pytest.mark.parametrize("size", [0, -1])
def test_holding_no_items_is_an_error_at_once(size: int) -> None:
    with pytest.raises(ValueError, match=rf"prefetched holds {size} items, expected 1 or more"):
        prefetched([1], size)
    with pytest.raises(ValueError, match=rf"a batch of {size} items was asked for, expected 1 or more"):
        batched([1], size)


def test_batches_are_full_but_for_the_last() -> None:
    assert list(batched(range(7), 3)) == [(0, 1, 2), (3, 4, 5), (6,)]
    assert list(batched(range(6), 3)) == [(0, 1, 2), (3, 4, 5)]
    assert list(batched([], 3)) == []


def test_batches_may_hold_none() -> None:
    assert list(batched([None, None, None], 2)) == [(None, None), (None,)]


def test_an_item_comes_with_those_before_it_oldest_first() -> None:
    assert list(with_past("abcd", 2)) == [("a", ()), ("b", ("a",)), ("c", ("a", "b")), ("d", ("b", "c"))]
    assert list(with_past("ab", 0)) == [("a", ()), ("b", ())]


def test_a_negative_past_is_an_error() -> None:
    with pytest.raises(ValueError, match="a past of -1 items was asked for, expected 0 or more"):
        with_past("ab", -1)


def test_streams_of_one_length_are_walked_in_pairs() -> None:
    assert list(in_step("abc", [1, 2, 3], names=("a.mp4", "tracks"))) == [("a", 1), ("b", 2), ("c", 3)]
    assert list(in_step("", [], names=("a.mp4", "tracks"))) == []


@pytest.mark.parametrize(
    ("left", "right", "message"),
    [
        ("abc", [1, 2], r"tracks: ends after 2 items, but a\.mp4 goes on; expected two streams of equal length"),
        ("ab", [1, 2, 3], r"a\.mp4: ends after 2 items, but tracks goes on"),
        ("", [1], r"a\.mp4: ends after 0 items, but tracks goes on"),
    ],
)
def test_streams_that_end_apart_are_an_error(left: str, right: list[int], message: str) -> None:
    with pytest.raises(VideoError, match=message):
        list(in_step(left, right, names=("a.mp4", "tracks")))
