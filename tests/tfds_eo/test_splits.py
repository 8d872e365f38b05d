"""A place is in one split."""

import pytest

from tfds_eo.splits import split_by_place


def test_places_that_are_not_held_out_are_for_training():
    found = split_by_place(["a", "b", "c", "d"], {"test": ["c"], "validation": ["a"]})
    assert found == {"a": "validation", "b": "train", "c": "test", "d": "train"}


def test_a_place_in_two_splits_is_refused():
    with pytest.raises(ValueError, match="'a' must be in one split; it is in 'test'"):
        split_by_place(["a", "b"], {"test": ["a"], "validation": ["a"]})


def test_an_unknown_place_is_refused():
    with pytest.raises(ValueError, match=r"'x' is none of \['a', 'b'\]"):
        split_by_place(["a", "b"], {"test": ["x"]})
