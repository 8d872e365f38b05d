"""Samples are allotted exactly and drawn the same whatever the order of the input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tfds_eo.geo import sampling
from tfds_eo.geo.sampling import AllocationRule, Pixels


@st.composite
def strata(draw):
    classes, tiles = draw(st.integers(1, 6)), draw(st.integers(1, 4))
    counts = st.integers(0, 5000)
    pixels = np.array(
        draw(st.lists(counts, min_size=classes * tiles, max_size=classes * tiles))
    ).reshape(classes, tiles)
    shares = draw(
        st.lists(st.floats(0, 1), min_size=classes * tiles, max_size=classes * tiles)
    )
    available = np.ceil(pixels * np.array(shares).reshape(classes, tiles))
    return pixels.astype(np.int64), available.astype(np.int64)


@settings(max_examples=300, deadline=None)
@given(
    strata(),
    st.integers(1, 20_000),
    st.sampled_from(["prior", "square_root", "equal"]),
    st.integers(0, 50),
    st.one_of(st.none(), st.integers(50, 3000)),
)
def test_the_allocation_sums_to_what_is_wanted_or_to_all_there_is(
    counts, samples, weighting, least, most
):
    pixels, available = counts
    rule = AllocationRule(samples=samples, weighting=weighting, least=least, most=most)
    room = available.sum(axis=1)
    if most is not None:
        room = np.minimum(room, most)
    floors = np.minimum(room, least)
    if floors.sum() > samples:
        with pytest.raises(ValueError, match="must not exceed"):
            sampling.allocate(pixels, available, rule)
        return
    found = sampling.allocate(pixels, available, rule)
    assert found.sum() == min(samples, room.sum())
    assert (found >= 0).all()
    assert (found <= available).all()
    assert (found.sum(axis=1) <= room).all()
    assert (found.sum(axis=1) >= floors).all()


def test_a_class_gets_its_share_by_hand():
    pixels = np.array([[600, 200], [100, 60], [40, 0]])
    plenty = np.full((3, 2), 10_000)

    def of_class(**fields):
        rule = AllocationRule(samples=100, **fields)
        return sampling.allocate(pixels, plenty, rule).sum(axis=1).tolist()

    # Priors 0.8, 0.16 and 0.04.
    assert of_class() == [80, 16, 4]
    assert of_class(least=10) == [75, 15, 10]
    assert of_class(most=50) == [50, 40, 10]
    # Roots 28.28, 12.65 and 6.32 of 47.26: 59.8, 26.8 and 13.4.
    assert of_class(weighting="square_root") == [60, 27, 13]
    assert of_class(weighting="equal") == [34, 33, 33]
    rule = AllocationRule(samples=100)
    assert sampling.allocate(pixels, plenty, rule).tolist() == [
        [60, 20],
        [10, 6],
        [4, 0],
    ]


def test_what_a_tile_cannot_give_the_others_give():
    pixels = np.array([[800, 100, 100]])
    available = np.array([[30, 70, 90]])
    rule = AllocationRule(samples=100)
    assert sampling.allocate(pixels, available, rule).tolist() == [[30, 35, 35]]


def test_a_rule_that_contradicts_itself_is_refused():
    with pytest.raises(ValueError, match="must be at least its floor"):
        AllocationRule(samples=10, least=5, most=4)
    with pytest.raises(ValueError, match="at least one sample"):
        AllocationRule(samples=0)


def candidates(rng, parcels=40, rows=60, cols=50):
    found = rng.integers(-5, parcels, (rows, cols))
    return np.where(found < 0, -1, found)


def key(pixels):
    return sorted(zip(pixels.row.tolist(), pixels.col.tolist(), strict=True))


def test_the_draw_is_the_same_in_any_order_and_cut_into_any_strips():
    rng = np.random.default_rng(2)
    found = candidates(rng)
    label = rng.integers(0, 3, 40)
    allotted = np.array([20, 18, 24])
    whole = sampling.pixels_of(found, 0, 7, "33UVP")
    expected = sampling.draw(sampling.thin(whole, 4), label, allotted)
    assert np.bincount(label[expected.parcel], minlength=3).tolist() == [20, 18, 24]
    for height in (1, 7, 33):
        pool = None
        for first in reversed(range(0, 60, height)):
            strip = sampling.pixels_of(found[first : first + height], first, 7, "33UVP")
            pool = strip if pool is None else pool.joined(strip)
            pool = sampling.thin(pool, 4)
        again = sampling.draw(pool, label, allotted)
        assert key(again) == key(expected)
    other_seed = sampling.thin(sampling.pixels_of(found, 0, 8, "33UVP"), 4)
    assert key(sampling.draw(other_seed, label, allotted)) != key(expected)


def test_no_parcel_gives_more_than_its_share():
    rng = np.random.default_rng(5)
    whole = sampling.pixels_of(candidates(rng), 0, 1, "33UVP")
    thinned = sampling.thin(whole, 6)
    before = np.bincount(whole.parcel, minlength=40)
    after = np.bincount(thinned.parcel, minlength=40)
    assert after.tolist() == np.minimum(before, 6).tolist()
    # A slow second way: the lowest priorities of each parcel.
    for parcel in range(40):
        mine = np.sort(whole.priority[whole.parcel == parcel])[:6]
        assert np.sort(thinned.priority[thinned.parcel == parcel]).tolist() == (
            mine.tolist()
        )


def test_too_few_candidates_are_an_error():
    whole = sampling.pixels_of(np.array([[0, 0, -1]]), 0, 1, "33UVP")
    with pytest.raises(ValueError, match="class 0 must have 3 candidate pixels"):
        sampling.draw(whole, np.array([0]), np.array([3]))


def test_every_pixel_of_a_stratum_is_drawn_as_often_as_any_other():
    # 6 x 8 pixels of one parcel, 12 drawn, 2,000 seeds: 500 times each.
    found = np.zeros((6, 8), np.int64)
    times = np.zeros((6, 8))
    for seed in range(2000):
        pixels = sampling.pixels_of(found, 0, seed, "33UVP")
        drawn = sampling.draw(pixels, np.array([0]), np.array([12]))
        times[drawn.row, drawn.col] += 1
    assert times.sum() == 24_000
    # Standard deviation of each is 19.4; of 48, none is beyond 4.5 of them.
    assert np.abs(times - 500).max() < 4.5 * 19.4
    variance = ((times - 500) ** 2).sum() / (500 * (1 - 12 / 48))
    assert 25 < variance < 80  # Chi-square of 47 degrees: 0.3 % to either side.


def test_priorities_differ_for_all_pixels_of_a_tile():
    row, col = np.mgrid[:700, :900].reshape(2, -1)
    found = sampling.priorities(3, "33UVP", row, col)
    assert len(np.unique(found)) == len(found)
    none = np.zeros(0, np.int64)
    empty = Pixels(parcel=none, row=none, col=none, priority=none.astype(np.uint64))
    assert len(sampling.thin(empty, 3)) == 0
