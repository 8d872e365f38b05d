"""Whole places are dealt out so that every split has its share of every class."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfds_eo.splits import stratified_split

SHARES = {"train": 0.7, "test": 0.15, "validation": 0.15}


def split(groups, shares=SHARES):
    """Groups are (place, class, count); returns the split of each place."""
    places = np.repeat([p for p, _, _ in groups], [n for _, _, n in groups])
    labels = np.repeat([c for _, c, _ in groups], [n for _, _, n in groups])
    found = stratified_split(places, labels, shares)
    return {p: set(found[places == p].tolist()) for p in places.tolist()}


def test_three_places_of_a_class_go_to_three_splits_the_largest_to_training():
    groups = [(7, 0, 20), (3, 0, 50), (9, 0, 30), (1, 1, 40), (2, 1, 39), (4, 1, 41)]
    assert split(groups) == {
        3: {"train"}, 9: {"test"}, 7: {"validation"},
        4: {"train"}, 1: {"test"}, 2: {"validation"},
    }  # fmt: skip


def test_a_class_of_one_place_is_trained_on_and_one_of_two_is_tested_on():
    assert split([(1, 0, 5), (2, 1, 9), (3, 1, 8)]) == {
        1: {"train"}, 2: {"train"}, 3: {"test"},
    }  # fmt: skip


@given(
    st.lists(
        st.tuples(st.integers(0, 30), st.integers(0, 5), st.integers(1, 40)),
        min_size=1,
        max_size=40,
    )
)
def test_no_place_is_in_two_splits(groups):
    found = split(groups)
    assert all(len(splits) == 1 for splits in found.values())


def test_many_places_come_close_to_the_shares_in_every_class():
    random = np.random.default_rng(0)
    places = np.repeat(np.arange(120), random.integers(20, 60, 120))
    labels = np.repeat(random.integers(0, 6, 120), np.bincount(places))
    found = stratified_split(places, labels, SHARES)
    for label in range(6):
        for name, share in SHARES.items():
            got = (found[labels == label] == name).mean()
            assert got == pytest.approx(share, abs=0.06)


def test_shares_and_lengths_must_fit():
    with pytest.raises(ValueError, match="must add up to 1"):
        stratified_split(np.arange(3), np.arange(3), {"train": 0.7})
    with pytest.raises(ValueError, match="got 3 and 2"):
        stratified_split(np.arange(3), np.arange(2), SHARES)
