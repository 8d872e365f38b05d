"""Scenes on a map: against the ice field that was planted."""

import numpy as np
import pyproj
import pytest
import shapely

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.scene_polygons import pixels_inside, read_polygons
from tfds_eo.sensors.sentinel1 import open_scene
from tfds_eo.sensors.sentinel1_map import MappedScene
from tfds_eo.simulate.sentinel1 import Config, simulate


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return simulate(Config(folder=folder, rows=400, cols=300, regions=9))[0]


@pytest.mark.parametrize("crs", ["EPSG:3413", "EPSG:3995", "EPSG:3575"])
def test_a_pixel_of_the_map_is_the_nearest_pixel_of_the_scene(made, crs):
    scene = open_scene(made.product)
    mapped = MappedScene(scene, crs=crs, resolution=40)
    window = PixelWindow(row=mapped.rows // 2, col=mapped.cols // 3, rows=50, cols=41)
    found = mapped.read(window).image
    whole = scene.read(scene.window).image
    x, y = mapped.grid.centres(window)
    to_earth = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    radar = made.field.radar
    to_local = pyproj.Transformer.from_crs("EPSG:4326", radar.map_crs, always_xy=True)
    east, north = to_local.transform(*to_earth.transform(*np.meshgrid(x, y)))
    turn = np.radians(radar.heading)
    row = (east * np.sin(turn) + north * np.cos(turn)) / 40 + (400 - 1) / 2
    col = (east * np.cos(turn) - north * np.sin(turn)) / 40 + (300 - 1) / 2
    clear = (np.abs(row % 1 - 0.5) > 0.1) & (np.abs(col % 1 - 0.5) > 0.1)
    clear &= (row > 0) & (row < 399) & (col > 0) & (col < 299)
    assert clear.sum() > 500
    r, c = np.rint(row[clear]).astype(int), np.rint(col[clear]).astype(int)
    np.testing.assert_allclose(found[clear], whole[r, c], atol=1e-3)


def test_at_80_metres_power_is_averaged_without_bias(made):
    scene = open_scene(made.product)
    mapped = MappedScene(scene, crs="EPSG:3413", resolution=80)
    image = mapped.read(mapped.window).image
    power = scene.read_power(scene.window)
    mean = np.nanmean(10 ** (image[:, :, 0] / 10))
    assert 10 * np.log10(mean / np.nanmean(power[:, :, 0])) == pytest.approx(0, abs=0.1)
    spread = (
        np.nanstd(image[:, :, 0]),
        np.nanstd(scene.read(scene.window).image[..., 0]),
    )
    assert spread[0] < spread[1]
    valid = mapped.read_valid(mapped.window)
    np.testing.assert_array_equal(valid, np.isfinite(image[:, :, :2]).all(axis=2))
    # 16 columns have no data; the map, true to scale at 70 N, shrinks 77 N.
    covered = valid.sum() * 80**2 / (400 * (300 - 16) * 40**2)
    scale = (1 + np.sin(np.radians(70))) / (1 + np.sin(np.radians(77)))
    assert covered == pytest.approx(scale**2, abs=0.01)


@pytest.mark.parametrize("on_a_map", [False, True])
def test_polygons_lie_on_the_pixels_that_they_were_drawn_on(made, on_a_map):
    scene = open_scene(made.product)
    view = MappedScene(scene, crs="EPSG:3575", resolution=40) if on_a_map else scene
    file = read_polygons(made.chart)
    placed = view.place(file.shapes, file.crs)
    for cell, shape in zip(made.field.cells, placed, strict=True):
        assert shape.area == pytest.approx(cell.area, rel=0.03 if on_a_map else 1e-3)
        if not on_a_map:
            assert shapely.symmetric_difference(shape, cell).area < 0.005 * cell.area
    number = int(np.argmax(shapely.area(placed)))
    inside = pixels_inside(placed[number], view.window)
    row, col = (a[::37] for a in np.nonzero(inside))
    longitude, latitude = view.locate(row, col)
    at_row, at_col = scene.tie_points.find(longitude, latitude)
    here = made.field.cells[number].buffer(0.3)
    assert shapely.contains_xy(here, at_col + 0.5, at_row + 0.5).mean() > 0.999


def test_polygons_far_from_the_scene_are_empty(made):
    scene = open_scene(made.product)
    far = np.array([shapely.box(100, -40, 110, -30), shapely.box(-12, 60, -11, 61)])
    assert shapely.is_empty(scene.place(far, "EPSG:4326")).all()
    world = np.array([shapely.box(-180, 60, 180, 89)], object)
    whole = scene.place(world, "EPSG:4326")[0]
    assert shapely.contains(whole, shapely.box(0, 0, 300, 400))
