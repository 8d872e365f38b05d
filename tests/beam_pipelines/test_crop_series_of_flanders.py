"""Real series with clouds over real parcels, through the whole pipeline.

The cubes are written out as one product a date, Cloud-Optimised GeoTIFFs with a STAC
item each: the layout in which public buckets have them.
"""

import collections
import datetime
import json

import h5py
import numpy as np
import pytest
import rasterio
import shapely
import tensorflow_datasets as tfds

from beam_pipelines import build_crop_series
from tfds_eo import legends, schemas
from tfds_eo.geo import parcels

CUBE = "S2_L2A_{}m_00002806639B424A_32631_2017-08-01_2018-11-30.nc"
EPOCH = datetime.datetime(2017, 8, 4, 10, 53, 28, tzinfo=datetime.UTC)
LEFT, TOP = 501360, 5629680

# Read off NDVI curves by those who gave us the sample: for this test alone.
CLASSES = {
    1110: "winter_wheat", 1510: "winter_barley", 1200: "maize", 8100: "beet",
    9120: "grassland", 5100: "potato",
}  # fmt: skip


@pytest.fixture(scope="module")
def cube(shared_data):
    """Times, and every band by its name, ``[dates, rows, cols]``."""
    bands = {}
    for pixel in (10, 20):
        with h5py.File(shared_data / "s2_flanders" / CUBE.format(pixel)) as file:
            names = [n for n in file if n[0] == "B" or n == "SCL"]
            bands |= {n: file[n][...] for n in names if n != "B08"}
            seconds = file["timestamp"][...]
    times = [EPOCH + datetime.timedelta(seconds=int(s)) for s in seconds]
    return times, bands


@pytest.fixture(scope="module")
def products(cube, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cogs")
    times, bands = cube
    for number, time in enumerate(times):
        if not datetime.date(2017, 9, 1) <= time.date() <= datetime.date(2018, 8, 31):
            continue
        name = f"S2_31UDS_{time:%Y%m%d}_{number}_L2A"
        place = folder / f"{time:%Y}" / f"{time.month}" / name
        place.mkdir(parents=True)
        assets = {}
        for band, values in bands.items():
            pixel = 640 // values.shape[1]
            with rasterio.open(
                place / f"{band}.tif",
                "w",
                driver="COG",
                height=values.shape[1],
                width=values.shape[2],
                count=1,
                dtype="uint16",
                crs="EPSG:32631",
                transform=rasterio.Affine(pixel, 0, LEFT, 0, -pixel, TOP),
                BLOCKSIZE=128,
                COMPRESS="DEFLATE",
            ) as file:
                file.write(values[number].astype(np.uint16), 1)
            assets[band] = {
                "href": f"./{band}.tif",
                "proj:epsg": 32631,
                "proj:shape": list(values.shape[1:]),
                "proj:transform": [pixel, 0, LEFT, 0, -pixel, TOP],
                "raster:bands": [{"nodata": 0, "scale": 0.0001, "offset": 0}],
            }
        scene = bands["SCL"][number]
        item = {
            "type": "Feature",
            "stac_version": "1.0.0",
            "id": name,
            "properties": {
                "datetime": time.isoformat().replace("+00:00", "Z"),
                "grid:code": "MGRS-31UDS",
                "s2:processing_baseline": "02.09",
                "eo:cloud_cover": 100 * float(np.isin(scene, (8, 9, 10)).mean()),
                "s2:nodata_pixel_percentage": 100 * float((scene == 0).mean()),
            },
            "assets": assets,
        }
        (place / f"{name}.json").write_text(json.dumps(item))
    return folder


@pytest.fixture(scope="module")
def built(products, shared_data, tmp_path_factory):
    out = tmp_path_factory.mktemp("flanders")
    crosswalk = out / "crosswalk.csv"
    rows = [f"{code},,{name}" for code, name in CLASSES.items()]
    crosswalk.write_text("\n".join(["code,name,class", *rows]) + "\n")
    lines = build_crop_series.run(
        build_crop_series.Config(
            products=str(products),
            parcels=str(shared_data / "s2_flanders" / "parcels.gpkg"),
            season=2018,
            samples=400,
            data_dir=str(out),
            code_field="CT",
            parcel_field="parcel_id",
            crosswalk=str(crosswalk),
            unmapped="out",
            most_per_parcel=60,
            weighting="equal",
            seed=2,
        )
    )
    [split] = tfds.load("s2_crop_series", data_dir=str(out)).values()
    return lines, [dict(r) for r in tfds.as_numpy(split)]


def test_every_sampled_value_is_that_of_the_cube(built, cube):
    times, bands = cube
    _, found = built
    day = [(t.date() - datetime.date(1970, 1, 1)).days for t in times]
    table = np.array([1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 1, 3])
    seen = collections.Counter()
    assert len(found) > 100
    for record in found:
        row, col = int(record["row"]), int(record["col"])
        assert len(record["date"]) > 20
        for step, date in enumerate(record["date"].tolist()):
            number = day.index(date)
            expected = []
            for band in schemas.CROP_BANDS:
                values = bands[f"B{band[1:].zfill(2)}"][number]
                scale = 64 // values.shape[0]
                expected.append(int(values[row // scale, col // scale]))
            assert record["reflectance"][step].tolist() == expected
            scene = bands["SCL"][number, row // 2, col // 2]
            wanted = 1 if 0 in expected else table[scene]
            assert record["condition"][step] == wanted
            seen[int(wanted)] += 1
    assert min(seen[0], seen[1]) > 200, "both clear and cloudy dates must occur"


def test_dates_are_all_below_the_cloud_limit_and_ascend(built, cube):
    times, bands = cube
    _, found = built
    expected = sorted(
        {
            (t.date() - datetime.date(1970, 1, 1)).days
            for number, t in enumerate(times)
            if datetime.date(2017, 9, 1) <= t.date() <= datetime.date(2018, 8, 31)
            and np.isin(bands["SCL"][number], (8, 9, 10)).mean() <= 0.8
        }
    )
    assert found[0]["date"].tolist() == expected


def test_samples_are_of_the_declared_crop_and_inside_the_eroded_field(
    built, shared_data
):
    path = shared_data / "s2_flanders"
    source = parcels.read_parcels(
        str(path / "parcels.gpkg"), parcels.ParcelFields(code="CT", parcel="parcel_id")
    )
    outline = dict(zip(source.parcel, source.outline, strict=True))
    name = "OUTPUT_POLY-110_10m_00002806639B424A_32631_2017-08-01_2018-11-30.nc"
    with h5py.File(path / name) as file:
        crop = file["CT"][...]
    for record in built[1]:
        row, col = int(record["row"]), int(record["col"])
        code = int(record["code"])
        assert legends.TIME_SEN2_CROP.names[record["label"]] == CLASSES[code]
        # The burned raster of others says the same, and so do all pixels within 20 m.
        assert (crop[row - 2 : row + 3, col - 2 : col + 3] == code).all()
        x, y = LEFT + 10 * col, TOP - 10 * row
        square = shapely.box(x, y - 10, x + 10, y)
        boundary = outline[record["parcel"].decode()].boundary
        assert shapely.distance(boundary, square) >= 20


def test_codes_without_a_class_are_listed(built):
    [line] = [str(line) for line in built[0] if "crosswalk does not have" in str(line)]
    assert "now out" in line
    assert "7900" in line
