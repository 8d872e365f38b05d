"""Charts are painted the same however they are cut, and like rasterio paints them."""

import numpy as np
import pytest
import rasterio.features
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio.transform import Affine, from_origin

from tfds_eo.geo.polygons import NOWHERE, PolygonRaster, look_up, to_pixels


def test_a_pixel_belongs_to_the_polygon_that_holds_its_centre():
    shapes = np.array([shapely.box(0.4, 1, 3.6, 2), shapely.box(2.4, 0.51, 5, 3)])
    found = PolygonRaster(shapes).numbers(row=0, col=0, rows=4, cols=5)
    assert found.tolist() == [
        [-1, -1, -1, -1, -1],
        [0, 0, 1, 1, 1],
        [-1, -1, 1, 1, 1],
        [-1, -1, -1, -1, -1],
    ]


def voronoi(seed, size, count=9):
    random = np.random.default_rng(seed)
    points = shapely.MultiPoint(random.random((count, 2)) * size)
    cells = shapely.voronoi_polygons(points, extend_to=shapely.box(0, 0, *size))
    return np.array([c.buffer(-random.uniform(0, 1.5)) for c in cells.geoms])


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 40))
@settings(max_examples=40, deadline=None)
def test_tiling_does_not_change_a_chart(seed, cut_row, cut_col):
    rows, cols = 31, 41
    painted = PolygonRaster(voronoi(seed, (cols, rows)))
    whole = painted.numbers(row=0, col=0, rows=rows, cols=cols)
    tiles = [
        [
            painted.numbers(row=r, col=c, rows=h, cols=w)
            for c, w in ((0, cut_col), (cut_col, cols - cut_col))
        ]
        for r, h in ((0, cut_row), (cut_row, rows - cut_row))
    ]
    np.testing.assert_array_equal(np.block(tiles), whole)


def test_a_chart_on_a_map_is_painted_as_rasterio_paints_it():
    transform = from_origin(478_000, 9_001_000, 80, 80)
    shapes = shapely.transform(
        voronoi(3, (60, 45), 20), lambda xy: np.c_[transform @ (xy[:, 0], xy[:, 1])]
    )
    theirs = rasterio.features.rasterize(
        [(shape, n) for n, shape in enumerate(shapes)],
        out_shape=(45, 60),
        transform=transform,
        fill=NOWHERE,
        dtype="int32",
    )
    painted = PolygonRaster(to_pixels(shapes, transform))
    ours = painted.numbers(row=0, col=0, rows=45, cols=60)
    assert len(np.unique(theirs)) > 15
    np.testing.assert_array_equal(ours, theirs)


def test_shapes_on_a_turned_raster_find_their_pixels():
    transform = Affine(0, 2, 10, 3, 0, 20)
    (pixel,) = to_pixels(np.array([shapely.Point(14, 29)]), transform)
    assert (pixel.x, pixel.y) == (3, 2)


def test_values_are_looked_up_and_filled():
    numbers = np.array([[0, 2, NOWHERE], [1, 1, 0]], np.int32)
    tables = np.array([[7, 8, 9], [0, 5, 1]], np.uint8)
    found, other = look_up(numbers, *tables)
    assert found.tolist() == [[7, 9, 255], [8, 8, 7]]
    assert other.tolist() == [[0, 1, 255], [5, 5, 0]]
    assert found.dtype == np.uint8


def test_windows_without_polygons_are_nowhere():
    painted = PolygonRaster(np.array([shapely.box(0, 0, 5, 5), shapely.Polygon()]))
    assert (painted.numbers(row=9, col=9, rows=3, cols=2) == NOWHERE).all()


def test_the_real_canadian_chart_is_painted_with_its_areas(shared_data):
    pyogrio = pytest.importorskip("pyogrio")
    meta, _, wkb, values = pyogrio.raw.read(
        shared_data / "ice_charts" / "cis_SGRDREA_20201102T.gpkg"
    )
    shapes = shapely.from_wkb(wkb)
    left, low, right, top = shapely.total_bounds(shapes)
    side = 4000.0
    transform = from_origin(left, top, side, side)
    rows, cols = int((top - low) / side) + 1, int((right - left) / side) + 1
    painted = PolygonRaster(to_pixels(shapes, transform))
    numbers = painted.numbers(row=0, col=0, rows=rows, cols=cols)
    counts = np.bincount(numbers[numbers >= 0], minlength=len(shapes))
    areas = dict(zip(meta["fields"], values, strict=True))["AREA"]
    large = areas > 2e9
    assert large.sum() > 50
    np.testing.assert_allclose(
        counts[large] * side**2, areas[large], rtol=0.05, atol=2e8
    )
