"""Parcels are repaired, eroded in metres, and belong to one tile."""

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tfds_eo.geo import tile_parcels
from tfds_eo.geo.parcels import Parcels
from tfds_eo.geo.tile_grid import TileGrid, transformer

GRID = TileGrid(
    tile="33TUN", crs="EPSG:32633", left=300000, top=5300040, rows=120, cols=90
)


def parcels(shapes, crs="EPSG:32633"):
    names = np.array([str(n) for n in range(len(shapes))], object)
    outline = np.empty(len(shapes), object)
    outline[:] = shapes
    return Parcels(crs=crs, parcel=names, code=names, name=names, outline=outline)


def in_degrees(shapes):
    to_degrees = transformer("EPSG:32633", "EPSG:4326")
    return [
        shapely.transform(s, lambda x, y: to_degrees.transform(x, y), interleaved=False)
        for s in shapes
    ]


def pixels(prepared):
    return np.concatenate([found for _, found, _ in prepared.strips(rows=50)])


def test_erosion_is_in_metres_though_the_parcels_are_in_degrees():
    field = shapely.box(300203.0, 5299501.0, 300447.0, 5299803.0)
    prepared = tile_parcels.prepare(
        parcels(in_degrees([field]), "EPSG:4326"), GRID, erosion=20.0
    )
    [eroded] = prepared.eroded
    assert eroded.area == pytest.approx((244 - 40) * (302 - 40), rel=1e-6)
    assert shapely.hausdorff_distance(
        eroded, shapely.box(300223, 5299521, 300427, 5299783)
    ) == pytest.approx(0, abs=1e-3)
    # 223 to 427 holds the columns 23 to 41, 5299521 to 783 the rows 26 to 50.
    rows, cols = np.nonzero(pixels(prepared) == 0)
    assert (cols.min(), cols.max(), rows.min(), rows.max()) == (23, 41, 26, 51 - 1)
    assert len(rows) == 19 * 25


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.floats(300050, 300850), st.floats(5298900, 5299990)),
        min_size=3,
        max_size=10,
        unique=True,
    ),
    st.integers(5, 40),
)
def test_no_pixel_lies_nearer_to_the_outline_than_the_erosion(ring, erosion):
    shape = shapely.Polygon(ring)
    prepared = tile_parcels.prepare(parcels([shape]), GRID, erosion=float(erosion))
    row, col = np.nonzero(pixels(prepared) >= 0)
    x, y = GRID.centres(row, col)
    boxes = shapely.box(x - 5, y - 5, x + 5, y + 5)
    parts = shapely.get_parts(shapely.make_valid(shape))
    whole = shapely.union_all(parts[np.isin(shapely.get_type_id(parts), (3, 6))])
    assert shapely.covers(shapely.buffer(whole, 1e-6), boxes).all()
    distance = shapely.distance(shapely.boundary(whole), boxes)
    assert (distance >= erosion - 1e-6).all()


def test_faults_are_counted():
    good = shapely.box(300100, 5299000, 300300, 5299200)
    bow_tie = shapely.Polygon(
        [(300400, 5299000), (300600, 5299200), (300600, 5299000), (300400, 5299200)]
    )
    sliver = shapely.box(300100, 5299300, 300130, 5299900)
    line = shapely.Polygon([(300700, 5299000), (300800, 5299000), (300700, 5299000)])
    shapes = [good, bow_tie, sliver, None, line, shapely.Polygon()]
    prepared = tile_parcels.prepare(parcels(shapes), GRID, erosion=20.0)
    assert prepared.dropped == {
        "without_outline": 2,
        "repaired": 2,
        "without_area": 1,
        "too_small": 1,
    }
    # Both halves of the bow tie are sampled, the good field wholly.
    found = pixels(prepared)
    assert sorted(np.unique(found).tolist()) == [-1, 0, 1]
    assert (found == 0).sum() == 16 * 16


def test_pixels_where_parcels_overlap_belong_to_none():
    left = shapely.box(300100, 5299040, 300300, 5299240)
    right = shapely.box(300200, 5299040, 300400, 5299240)
    apart = shapely.box(300500, 5299040, 300700, 5299240)
    prepared = tile_parcels.prepare(
        parcels([left, right, apart, apart]), GRID, erosion=20.0
    )
    found = pixels(prepared)
    # Eroded, the left field has columns 12 to 27; up to 300200 they are its own.
    assert [np.unique(np.nonzero(found == n)[1]).tolist() for n in (0, 1)] == [
        list(range(12, 20)),
        list(range(30, 38)),
    ]
    assert not (found >= 2).any()
    overlapped = sum(o for _, _, o in prepared.strips())
    # Columns 20 to 29 are lost, each counted once, and all of the doubled field.
    assert overlapped == 16 * 10 + 16 * 16


def test_an_unwanted_parcel_still_makes_pixels_impure():
    field = shapely.box(300100, 5299040, 300300, 5299240)
    hedge = shapely.box(300195, 5299040, 300205, 5299240)
    prepared = tile_parcels.prepare(
        parcels([field, hedge]), GRID, erosion=20.0, wanted=np.array([True, False])
    )
    found = pixels(prepared)
    assert np.unique(np.nonzero(found == 0)[1]).tolist() == [
        *range(12, 19),
        *range(21, 28),
    ]
    assert not (found == 1).any()


def test_a_parcel_across_the_edge_of_a_tile_gives_the_pixels_inside():
    field = shapely.box(300800, 5299900, 301100, 5300200)
    prepared = tile_parcels.prepare(parcels([field]), GRID, erosion=20.0)
    row, col = np.nonzero(pixels(prepared) == 0)
    # The tile ends at 300900 and 5300040; the eroded field begins at 300820, 5299920.
    assert (row.min(), row.max(), col.min(), col.max()) == (0, 11, 82, 89)
    assert len(row) == 12 * 8


@pytest.fixture
def two_tiles():
    west = TileGrid(
        tile="32TQT", crs="EPSG:32632", left=790000, top=5260020, rows=900, cols=600
    )
    east = TileGrid(
        tile="33TUN", crs="EPSG:32633", left=336000, top=5250000, rows=900, cols=900
    )
    return west, east


def test_each_parcel_is_in_one_tile_though_tiles_overlap(two_tiles):
    west, east = two_tiles
    rng = np.random.default_rng(8)
    x = rng.uniform(336500, 344500, 300)
    y = rng.uniform(5241500, 5249500, 300)
    shapes = in_degrees(shapely.box(x, y, x + 150, y + 90))
    source = parcels(shapes, "EPSG:4326")
    tile, depth = tile_parcels.tile_of_parcels(source, [west, east])
    other, _ = tile_parcels.tile_of_parcels(source, [east, west])
    assert np.array_equal(tile, np.where(other < 0, -1, 1 - other))
    assert len(set(tile.tolist())) >= 2
    both = (depth > 0).all(axis=1)
    assert both.sum() > 20, "the tiles must overlap for this test to mean anything"
    assert (depth[np.arange(300), tile][tile >= 0] > 0).all()
    assert tile_parcels.neighbours(west, [west, east]) == [west, east]


def test_tiles_apart_are_no_neighbours(two_tiles):
    west, _ = two_tiles
    far = TileGrid(
        tile="33UWP", crs="EPSG:32633", left=499980, top=5400000, rows=900, cols=900
    )
    assert tile_parcels.neighbours(west, [far, west]) == [west]
    assert tile_parcels.neighbours(far, [far, west]) == [far]
