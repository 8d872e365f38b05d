"""Made products are read like real ones, and show the fields of the parcel map."""

import datetime

import numpy as np
import pyproj
import pytest
import rasterio
import shapely

from tfds_eo import crosswalks, legends
from tfds_eo.geo import parcels
from tfds_eo.sensors import sentinel2, sentinel2_catalogue
from tfds_eo.simulate import sentinel2 as simulate

SIZE, DATES = 180, 12


def config(folder, **fields):
    return simulate.Config(
        **{"folder": str(folder), "size": SIZE, "dates": DATES, "seed": 9} | fields
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    lines = simulate.run(config(folder, cloudiness=0.1))
    return folder, lines


@pytest.fixture(scope="module")
def catalogue(made):
    return sentinel2_catalogue.read_catalogue(
        [str(made[0] / "products")],
        first=datetime.date(2017, 9, 1),
        last=datetime.date(2018, 8, 31),
        most_cloud=100.0,
    )


def test_products_have_the_names_of_real_ones_and_both_baselines(made, catalogue):
    names = sorted(path.name for path in (made[0] / "products").iterdir())
    assert len(names) == 2 * DATES
    found = [o.products[0] for s in catalogue.tiles for o in s.observations]
    assert sorted(f"{p.id}.SAFE" for p in found) == names
    assert not catalogue.rejected
    offsets = {(p.baseline, p.bands[0].offset) for p in found}
    assert offsets == {("02.06", 0.0), ("05.00", -1000.0)}
    assert all(p.simulated for p in found)
    assert catalogue.simulated


def test_the_images_lie_on_the_grid_of_their_metadata(catalogue):
    for series in catalogue.tiles:
        rows, cols = series.grid.rows, series.grid.cols
        assert (rows, cols) == (SIZE, SIZE)
        for band in ("B3", "B11"):
            path = series.observations[0].products[0].image(band).path
            pixel = 10 if band == "B3" else 20
            scale = pixel // 10
            window = (0, 0, rows // scale, cols // scale)
            found = sentinel2.read_window(path, series.grid, pixel, window)
            assert found.shape == (rows // scale, cols // scale)


def test_the_tiles_lie_in_two_zones_and_overlap(catalogue):
    west, east = (series.grid for series in catalogue.tiles)
    assert (west.crs, east.crs) == ("EPSG:32632", "EPSG:32633")
    to_degrees = [
        pyproj.Transformer.from_crs(g.crs, 4326, always_xy=True) for g in (west, east)
    ]
    boxes = [
        shapely.box(*t.transform_bounds(*g.bounds))
        for t, g in zip(to_degrees, (west, east), strict=True)
    ]
    shared = boxes[0].intersection(boxes[1]).area
    assert 0.3 < shared / boxes[0].area < 0.9


def test_the_cloud_cover_of_the_metadata_is_that_of_the_scene_classes(catalogue):
    empty = 0
    for series in catalogue.tiles:
        for observation in series.observations:
            [product] = observation.products
            with rasterio.open(product.scene_classification) as file:
                scene = file.read(1)
            seen = scene[scene > 0]
            assert product.cloud == pytest.approx(
                100 * np.isin(seen, (8, 9, 10)).mean(), abs=1e-4
            )
            assert product.empty == pytest.approx(100 * (scene == 0).mean(), abs=1e-4)
            empty += product.empty > 0
            with rasterio.open(product.image("B5").path) as file:
                assert ((file.read(1) == 0) == (scene == 0)).all()
    assert empty == 4  # Two dates of each tile show the edge of the swath.


def test_a_field_shows_the_greenness_of_its_crop(tmp_path):
    """Grassland in May is greener than maize."""
    simulate.run(config(tmp_path, size=360, tiles=("33TUN",), cloudiness=0.0))
    catalogue = sentinel2_catalogue.read_catalogue(
        [str(tmp_path / "products")],
        first=datetime.date(2018, 4, 1),
        last=datetime.date(2018, 6, 30),
        most_cloud=100.0,
    )
    source = parcels.read_parcels(
        str(tmp_path / "parcels.gpkg"), parcels.PRESETS["invekos"]
    )
    crosswalk = crosswalks.read_crosswalk(crosswalks.INVEKOS_AT, legends.TIME_SEN2_CROP)
    [series] = catalogue.tiles
    to_tile = pyproj.Transformer.from_crs(source.crs, series.grid.crs, always_xy=True)
    points = shapely.point_on_surface(shapely.make_valid(source.outline))
    x, y = to_tile.transform(shapely.get_x(points), shapely.get_y(points))
    inside = series.grid.depth(np.asarray(x), np.asarray(y)) > 20
    ndvi = {1: [], 2: []}
    may = datetime.date(2018, 5, 15)
    nearest = min(
        series.observations,
        key=lambda o: abs(o.date - (may - datetime.date(1970, 1, 1)).days),
    )
    [product] = nearest.products
    with (
        rasterio.open(product.image("B4").path) as red_file,
        rasterio.open(product.image("B8A").path) as near_file,
        rasterio.open(product.scene_classification) as scene_file,
    ):
        for at in np.flatnonzero(inside):
            label = crosswalk.class_of(source.code[at])
            place = [(x[at], y[at])]
            [[scene]] = scene_file.sample(place)
            if label not in ndvi or scene not in (4, 5):
                continue
            values = []
            for file, band in ((red_file, "B4"), (near_file, "B8A")):
                [numbers] = file.sample(place)
                values.append(sentinel2.reflectance(numbers, product.image(band))[0])
            red, near = map(float, values)
            ndvi[label].append((near - red) / (near + red))
    assert min(map(len, ndvi.values())) >= 2
    assert np.mean(ndvi[1]) > np.mean(ndvi[2]) + 0.2


def test_parcels_have_the_columns_and_the_faults_of_real_ones(made):
    source = parcels.read_parcels(
        str(made[0] / "parcels.gpkg"), parcels.PRESETS["invekos"]
    )
    crosswalk = crosswalks.read_crosswalk(crosswalks.INVEKOS_AT, legends.TIME_SEN2_CROP)
    assert pyproj.CRS(source.crs).to_epsg() == 31287
    assert crosswalk.unmapped(source.code) in ([], ["9999"])
    assert len(set(source.parcel)) == len(source) > 50
    assert len(set(source.code)) > 15


def test_the_same_seed_makes_the_same_products(made, tmp_path):
    simulate.run(config(tmp_path, cloudiness=0.1, tiles=("32TQT",)))
    # With one tile the region, and so the fields, differ; with both they are the same.
    again = tmp_path / "again"
    simulate.run(config(again, cloudiness=0.1))
    for path in sorted((made[0] / "products").rglob("*_B04_10m.jp2")):
        other = again / path.relative_to(made[0])
        with rasterio.open(path) as one, rasterio.open(other) as two:
            assert (one.read(1) == two.read(1)).all()
    other = tmp_path / "other"
    simulate.run(config(other, cloudiness=0.1, seed=10))
    paths = [sorted((f / "products").iterdir()) for f in (made[0], other)]
    assert [p.name for p in paths[0]] != [p.name for p in paths[1]]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"size": 61}, "multiple of 6"),
        ({"dates": 0}, "dates must be from 1"),
        ({"tiles": ("33UVP",)}, "must be some of 32TQT, 33TUN"),
        ({"cloudiness": 1.5}, "cloudiness must be"),
    ],
)
def test_what_cannot_be_made_is_refused(tmp_path, fields, message):
    with pytest.raises(ValueError, match=message):
        config(tmp_path, **fields)
