"""Regions are recovered from the pixels that overlapping patches share."""

import numpy as np
import pytest

from tfds_eo.uit_sea_ice import regions


def cut(polygons, size, *, seed=0, stride=10):
    """Cuts patches inside made rectangles; returns them shuffled with their polygon."""
    random = np.random.default_rng(seed)
    patches, owners = [], []
    for owner, (rows, cols) in enumerate(polygons):
        field = np.random.default_rng([7, owner]).normal(-15, 3, (rows, cols, 2))
        field = field.astype("f4")
        for row in range(0, rows - size + 1, stride):
            for col in range(0, cols - size + 1, stride):
                patches.append(field[row : row + size, col : col + size])
                owners.append(owner)
    order = random.permutation(len(patches))
    return np.array(patches)[order], np.array(owners)[order]


def same_groups(found, true):
    pairs = set(zip(found.tolist(), true.tolist(), strict=True))
    return len(pairs) == len(set(found.tolist())) == len(set(true.tolist()))


POLYGONS = [(70, 45), (32, 92), (45, 45), (112, 33), (52, 62)]


@pytest.mark.parametrize("size", [20, 32])
def test_every_region_of_overlapping_patches_is_recovered_exactly(size):
    patches, owners = cut(POLYGONS, size)
    found = regions.recover(patches)
    assert same_groups(found.ids, owners)
    assert found.joined == 1
    assert found.believed
    assert found.ids[0] == 0
    assert (np.diff(np.unique(found.ids)) == 1).all()


def test_a_polygon_of_one_patch_is_a_region_of_its_own():
    patches, owners = cut([(20, 20), (50, 60), (29, 29)], 20)
    found = regions.recover(patches)
    assert same_groups(found.ids, owners)
    assert found.joined == pytest.approx(20 / 22)


def test_no_data_joins_nothing():
    patches, owners = cut([(60, 60), (60, 50)], 20)
    patches[:, 10:] = 0  # The lower half of each is black: rows are shared by all.
    found = regions.recover(patches)
    assert not {a for a, b in zip(found.ids, owners, strict=True) if b == 0} & {
        a for a, b in zip(found.ids, owners, strict=True) if b == 1
    }


def test_patches_that_share_nothing_are_not_believed():
    patches = np.random.default_rng(1).normal(size=(40, 32, 32, 2)).astype("f4")
    found = regions.recover(patches)
    assert found.joined == 0
    assert not found.believed
    assert sorted(found.ids.tolist()) == list(range(40))


def test_patches_no_larger_than_the_stride_cannot_be_joined():
    with pytest.raises(ValueError, match="larger than their stride of 10"):
        regions.recover(np.zeros((3, 10, 10, 2), "f4"))


@pytest.mark.parametrize("size", [20, 32])
def test_small_patches_take_the_region_of_the_large_ones_that_hold_them(size):
    large, owners = cut(POLYGONS, size)
    small, truth = cut(POLYGONS, 10, seed=5)
    found = regions.find_inside(small, large, owners)
    known = found.ids != regions.NONE
    np.testing.assert_array_equal(found.ids[known], truth[known])
    # Only what lies in the margins, where no large patch fits, is not found.
    held = sum(
        (10 * ((r - size) // 10) + size)
        // 10
        * ((10 * ((c - size) // 10) + size) // 10)
        for r, c in POLYGONS
    )
    assert known.sum() == held
    assert found.joined == pytest.approx(held / len(small))


def test_small_patches_off_the_stride_are_found_as_well():
    large, owners = cut([(60, 60), (70, 50)], 20)
    field = large[3][None]
    small = np.concatenate([field[:, 3:13, 7:17], field[:, 10:, 1:11]])
    found = regions.find_inside(small, large, owners)
    assert found.ids.tolist() == [owners[3], owners[3]]
