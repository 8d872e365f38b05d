"""Counting and drawing agree, and splits by squares keep parcels apart."""

import dataclasses

import numpy as np
import pytest

from tfds_eo import crosswalks
from tfds_eo.geo import parcels, squares, tile_parcels
from tfds_eo.geo.squares import Squares
from tfds_eo.geo.tile_grid import TileGrid, transformer
from tfds_eo.s2_crop_series import candidates, steps
from tfds_eo.s2_crop_series.candidates import CropMap, Places
from tfds_eo.simulate.parcels import make_fields, write_parcels

GRID = TileGrid(
    tile="33TUN", crs="EPSG:32633", left=310020, top=5270040, rows=1500, cols=1400
)


@pytest.fixture(scope="module")
def crop_map(tmp_path_factory):
    path = tmp_path_factory.mktemp("parcels") / "parcels.gpkg"
    write_parcels(path, make_fields(GRID.bounds, GRID.crs, seed=4))
    return CropMap(
        path=str(path),
        fields=parcels.PRESETS["invekos"],
        crosswalk=crosswalks.INVEKOS_AT,
        unmapped="other_crops",
        erosion=20.0,
        least_pixels=4,
    )


def places(grids=(GRID,), division=None, **splits):
    return Places(
        grids=tuple(grids),
        split_of_tile={g.tile: splits.get(f"t{g.tile}", 0) for g in grids},
        buffer=250.0,
        squares=division,
    )


def test_what_is_counted_can_be_drawn_and_no_more(crop_map):
    surveyed = candidates.survey(crop_map, places(), GRID)
    counts = candidates.count(surveyed, crop_map, 7)
    assert sum(counts.available) > 1000
    drawn = candidates.draw(
        surveyed, crop_map, allotted=counts.available, most=7, seed=1
    )
    found = np.bincount(drawn["label"], minlength=16)
    assert found.tolist() == counts.available
    _, of_parcel = np.unique(drawn["parcel"], return_counts=True)
    assert of_parcel.max() == 7
    assert of_parcel.min() >= 4
    assert len(of_parcel) == sum(counts.parcels)
    more = [n + 1 for n in counts.available]
    with pytest.raises(ValueError, match="must have"):
        candidates.draw(surveyed, crop_map, allotted=more, most=7, seed=1)


def test_every_parcel_that_meets_the_tile_is_counted_once(crop_map):
    surveyed = candidates.survey(crop_map, places(), GRID)
    counts = candidates.count(surveyed, crop_map, None)
    lost = {r: n for r, n in counts.dropped.items() if r not in ("repaired",)}
    assert sum(counts.parcels) + sum(lost.values()) == counts.read
    assert set(lost) >= {"in_another_tile", "too_small"}
    assert counts.dropped_pixels["parcels_overlap"] > 0
    assert counts.unmapped.keys() == {"9999"}


def test_without_a_limit_the_pool_is_cut_to_what_is_needed(crop_map):
    surveyed = candidates.survey(crop_map, places(), GRID)
    allotted = [3] * 16
    few = candidates.draw(surveyed, crop_map, allotted=allotted, most=None, seed=1)
    many = candidates.draw(surveyed, crop_map, allotted=allotted, most=10**9, seed=1)
    assert {name: few[name].tolist() for name in few} == {
        name: many[name].tolist() for name in many
    }


def test_squares_split_parcels_and_leave_a_buffer(crop_map):
    longitude, latitude = squares.middle_of([GRID])
    division = Squares(
        longitude=longitude,
        latitude=latitude,
        size=5000.0,
        buffer=400.0,
        shares=(0.5, 0.25, 0.25),
        seed=3,
    )
    surveyed = candidates.survey(crop_map, places(division=division), GRID)
    counts = candidates.count(surveyed, crop_map, 20)
    assert counts.dropped_pixels["between_squares"] > 1000
    drawn = candidates.draw(
        surveyed, crop_map, allotted=counts.available, most=20, seed=1
    )
    assert len(set(drawn["split"].tolist())) >= 2
    steps.check_parcels([drawn])
    x, y = GRID.centres(drawn["row"], drawn["col"])
    for split in set(drawn["split"].tolist()):
        mine = np.flatnonzero(drawn["split"] == split)[::5]
        others = np.flatnonzero(drawn["split"] != split)
        gaps = np.hypot(
            x[mine, None] - x[others][None], y[mine, None] - y[others][None]
        )
        assert gaps.min() >= 400 * 0.999


def test_parcels_near_a_tile_of_another_split_are_dropped(crop_map):
    other = TileGrid(
        tile="32TQT", crs="EPSG:32632", left=761040, top=5270040, rows=1500, cols=1800
    )
    assert len(tile_parcels.neighbours(GRID, [GRID, other])) == 2
    same = candidates.survey(crop_map, places((GRID, other)), GRID)
    apart = candidates.survey(crop_map, places((GRID, other), t32TQT=2), GRID)
    assert "near_another_split" not in same.dropped
    assert apart.dropped["near_another_split"] > 0
    drawn = {}
    for grid in (GRID, other):
        found = candidates.survey(crop_map, places((GRID, other), t32TQT=2), grid)
        counts = candidates.count(found, crop_map, 5)
        drawn[grid.tile] = candidates.draw(
            found, crop_map, allotted=counts.available, most=5, seed=1
        )
    steps.check_parcels(list(drawn.values()))
    x, y = GRID.centres(drawn["33TUN"]["row"], drawn["33TUN"]["col"])
    there = other.centres(drawn["32TQT"]["row"], drawn["32TQT"]["col"])
    u, v = transformer(other.crs, GRID.crs).transform(*there)
    near = np.hypot(x[:, None] - u[None], y[:, None] - v[None]).min()
    # The rule is on centroids; pixels are at most half a parcel nearer each.
    assert near > 20


def test_a_tile_without_parcels_has_no_candidates(crop_map):
    far = TileGrid(
        tile="33UWP", crs="EPSG:32633", left=499980, top=5400000, rows=300, cols=200
    )
    surveyed = candidates.survey(crop_map, places((far,)), far)
    counts = candidates.count(surveyed, crop_map, 5)
    assert (counts.read, sum(counts.pixels)) == (0, 0)
    drawn = candidates.draw(surveyed, crop_map, allotted=[0] * 16, most=5, seed=1)
    assert len(drawn["row"]) == 0


def test_unmapped_codes_go_out_if_so_configured(crop_map):
    out = dataclasses.replace(crop_map, unmapped="out")
    kept = candidates.survey(crop_map, places(), GRID)
    left = candidates.survey(out, places(), GRID)
    unknown = kept.unmapped["9999"]
    assert left.unmapped == kept.unmapped
    assert left.dropped["no_crop"] == kept.dropped.get("no_crop", 0) + unknown


def test_a_parcel_in_two_splits_is_found():
    tables = [
        {"parcel": np.array([b"7", b"8"]), "split": np.array([0, 0])},
        {"parcel": np.array([b"8"]), "split": np.array([2])},
    ]
    with pytest.raises(ValueError, match=r"parcel '8' .* 'train' and 'test'"):
        steps.check_parcels(tables)
