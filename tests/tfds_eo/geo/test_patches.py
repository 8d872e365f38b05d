"""Patches inside regions: against counting by hand and by brute force."""

import itertools

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.patches import (
    count_in_patches,
    cut_patches,
    groups_that_share_pixels,
    patch_corners,
)
from tfds_eo.geo.scene_polygons import pixels_inside


@given(
    a=st.integers(1, 90),
    b=st.integers(1, 90),
    row=st.integers(0, 9),
    col=st.integers(0, 9),
    size=st.integers(1, 40),
    stride=st.integers(1, 15),
)
def test_a_rectangle_gives_as_many_patches_as_the_rule_says(
    a, b, row, col, size, stride
):
    inside = np.zeros((row + a + 3, col + b + 2), bool)
    inside[row : row + a, col : col + b] = True
    rows, cols = patch_corners(inside, size=size, stride=stride)
    along = (a - size) // stride + 1 if a >= size else 0
    across = (b - size) // stride + 1 if b >= size else 0
    assert len(rows) == len(cols) == along * across
    if len(rows):
        assert (rows[0], cols[0]) == (row, col)


def test_patches_of_32_pixels_at_stride_10_in_a_polygon_of_100_by_52():
    inside = np.zeros((120, 60), bool)
    inside[7:107, 4:56] = True
    rows, cols = patch_corners(inside, size=32, stride=10)
    assert len(rows) == 7 * 3
    assert sorted(set(rows)) == [7, 17, 27, 37, 47, 57, 67]
    assert sorted(set(cols)) == [4, 14, 24]


@settings(max_examples=40, deadline=None)
@given(
    vertices=st.lists(
        st.tuples(st.floats(1.2, 57.7), st.floats(2.3, 38.9)), min_size=3, max_size=9
    ),
    size=st.integers(1, 12),
    stride=st.integers(1, 7),
)
def test_brute_force_finds_the_same_patches_in_random_polygons(vertices, size, stride):
    polygon = shapely.make_valid(shapely.Polygon(vertices))
    window = PixelWindow(row=0, col=0, rows=41, cols=60)
    inside = pixels_inside(polygon, window)
    rows, cols = patch_corners(inside, size=size, stride=stride)

    first_row = min(np.flatnonzero(inside.any(axis=1)), default=0)
    first_col = min(np.flatnonzero(inside.any(axis=0)), default=0)
    expected = [
        (row, col)
        for row in range(first_row, 41 - size + 1, stride)
        for col in range(first_col, 60 - size + 1, stride)
        if all(
            inside[r, c] for r in range(row, row + size) for c in range(col, col + size)
        )
    ]
    assert list(zip(rows.tolist(), cols.tolist(), strict=True)) == expected


def test_pixels_belong_to_a_polygon_by_their_centres():
    rng = np.random.default_rng(3)
    for _ in range(20):
        polygon = shapely.convex_hull(shapely.MultiPoint(rng.random((6, 2)) * 30))
        window = PixelWindow(row=2, col=5, rows=23, cols=17)
        row, col = np.mgrid[2:25, 5:22]
        expected = shapely.contains_xy(polygon, col + 0.5, row + 0.5)
        np.testing.assert_array_equal(pixels_inside(polygon, window), expected)


def test_marked_pixels_of_each_patch_are_counted():
    mask = np.zeros((30, 20), bool)
    mask[11, 7] = mask[12, 9] = mask[0, 0] = True
    row, col = (np.ravel(a) for a in np.mgrid[0:26, 0:16])
    found = count_in_patches(mask, row, col, size=5)
    expected = [mask[r : r + 5, c : c + 5].sum() for r, c in zip(row, col, strict=True)]
    np.testing.assert_array_equal(found, expected)
    assert found.max() == 2


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int32])
@pytest.mark.parametrize("channels", [(), (3,)])
def test_cut_patches_are_the_pixels_below_them(dtype, channels):
    image = np.arange(31 * 23 * 3).reshape(31, 23, 3)[..., : 3 if channels else 1]
    image = image.reshape(31, 23, *channels).astype(dtype)
    row, col = np.array([0, 24, 11, 11]), np.array([16, 0, 5, 5])
    found = cut_patches(image, row, col, size=7)
    assert found.dtype == dtype
    for patch, r, c in zip(found, row, col, strict=True):
        np.testing.assert_array_equal(patch, image[r : r + 7, c : c + 7])


def test_a_patch_beyond_the_image_is_an_error():
    image = np.zeros((10, 12), np.float32)
    with pytest.raises(ValueError, match="inside an image of 10 x 12"):
        cut_patches(image, np.array([4]), np.array([0]), size=7)
    with pytest.raises(ValueError, match="must be positive"):
        patch_corners(np.ones((4, 4), bool), size=0, stride=1)


@settings(max_examples=60, deadline=None)
@given(
    corners=st.lists(
        st.tuples(st.integers(0, 60), st.integers(0, 50)), min_size=1, max_size=40
    ),
    size=st.integers(1, 12),
)
def test_patches_that_share_a_pixel_are_in_one_group_and_no_others(corners, size):
    row, col = np.array(corners).T
    found = groups_that_share_pixels(row, col, size=size)
    # The slow second version: merge sets until nothing overlaps.
    group = list(range(len(row)))
    changed = True
    while changed:
        changed = False
        for a, b in itertools.combinations(range(len(row)), 2):
            near = abs(row[a] - row[b]) < size and abs(col[a] - col[b]) < size
            if near and group[a] != group[b]:
                group = [
                    min(group[a], group[b]) if g in (group[a], group[b]) else g
                    for g in group
                ]
                changed = True
    names = list(dict.fromkeys(group))
    np.testing.assert_array_equal(found, [names.index(g) for g in group])


@pytest.mark.parametrize("other", [(5, 11), (6, 5), (6, 6), (11, 11), (11, 1)])
def test_two_patches_that_touch_across_any_side_or_corner_are_one_group(other):
    row, col = np.array([6, other[0]]), np.array([6, other[1]])
    np.testing.assert_array_equal(groups_that_share_pixels(row, col, size=6), [0, 0])
    apart = groups_that_share_pixels(row + np.array([0, 12]), col, size=6)
    np.testing.assert_array_equal(apart, [0, 1])


def test_a_patch_below_and_to_the_left_is_in_the_group_of_its_neighbour():
    # Corners lie in cells (0, 1) and (1, 0) of 6 x 6 pixels.
    row, col = np.array([5, 6]), np.array([6, 5])
    np.testing.assert_array_equal(groups_that_share_pixels(row, col, size=6), [0, 0])
