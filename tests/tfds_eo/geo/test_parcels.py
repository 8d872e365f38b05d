"""Parcel maps of other people are read as they stand."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pyogrio
import pyproj
import pytest
import shapely

from tfds_eo.geo import parcels
from tfds_eo.geo.parcels import PRESETS, ParcelFields

FIELDS = ParcelFields(code="crop", name="title", parcel="key")


def test_austrian_parcels_are_read(shared_data):
    path = str(shared_data / "parcels" / "AT_INVEKOS_schlaege_2025.gpkg")
    found = parcels.read_parcels(path, PRESETS["invekos"])
    assert len(found) == 100
    assert pyproj.CRS(found.crs).to_epsg() == 31287
    assert found.code[:3].tolist() == ["717", "717", "636"]
    assert found.name[2] == "WECHSELWIESE"
    assert found.parcel[0] == "106806035"
    assert len(set(found.parcel)) == 100
    assert parcels.names_of_codes(path, PRESETS["invekos"])["110"] == "WINTERGERSTE"
    # Areas as the farmers declared them.
    declared = pyogrio.raw.read(path, columns=["SL_FLAECHE_BRUTTO_HA"])[3][0]
    assert shapely.area(found.outline) / 1e4 == pytest.approx(declared, rel=2e-3)


def test_slovenian_parcels_of_eurocrops_are_read(shared_data):
    path = str(shared_data / "parcels" / "SI_2021_EC21.shp")
    found = parcels.read_parcels(path, PRESETS["eurocrops"])
    assert len(found) == 100
    assert pyproj.CRS(found.crs).to_epsg() == 3794
    assert found.code[0] == "3301010600"
    assert found.name[0] == "grain_maize_corn_popcorn"
    assert found.parcel[:3].tolist() == ["0", "1", "2"]


def write(path, driver, shapes, crs="EPSG:31287"):
    count = len(shapes)
    columns = {
        "key": np.arange(count, dtype=np.float64) + 500,
        "other": np.zeros(count),
        "title": np.array([f"Feld {n}" for n in range(count)], object),
        "crop": np.arange(count) * 10,
    }
    if driver is None:
        geo = {
            "version": "1.1.0",
            "primary_column": "shape",
            "columns": {
                "shape": {
                    "encoding": "WKB",
                    "geometry_types": ["Polygon"],
                    "crs": json.loads(pyproj.CRS(crs).to_json()),
                }
            },
        }
        table = pa.table({**columns, "shape": shapely.to_wkb(shapes).tolist()})
        table = table.replace_schema_metadata({"geo": json.dumps(geo)})
        pyarrow.parquet.write_table(table, path, row_group_size=4)
    else:
        pyogrio.raw.write(
            str(path),
            shapely.to_wkb(shapes),
            list(columns.values()),
            list(columns),
            driver=driver,
            geometry_type="Polygon",
            crs=crs,
        )


@pytest.mark.parametrize(
    ("name", "driver"),
    [
        ("a.gpkg", "GPKG"),
        ("a.shp", "ESRI Shapefile"),
        ("a.fgb", "FlatGeobuf"),
        ("a.parquet", None),
    ],
)
def test_every_format_gives_the_same_parcels_of_a_box(tmp_path, name, driver):
    x = 500_000 + 1000.0 * np.arange(11)
    shapes = shapely.box(x, 450_000, x + 300, 450_200)
    write(tmp_path / name, driver, shapes)
    whole = parcels.read_parcels(str(tmp_path / name), FIELDS)
    rows = np.argsort([int(p) for p in whole.parcel])
    assert whole.parcel[rows].tolist() == [str(n) for n in range(500, 511)]
    assert whole.code[rows].tolist() == [str(10 * n) for n in range(11)]
    assert whole.name[rows][3] == "Feld 3"
    assert shapely.area(whole.outline) == pytest.approx(60_000)
    to_utm = pyproj.Transformer.from_crs("EPSG:31287", "EPSG:32633", always_xy=True)
    box = to_utm.transform_bounds(502_900, 449_900, 505_100, 450_300)
    found = parcels.read_parcels(
        str(tmp_path / name), FIELDS, bounds=box, bounds_crs="EPSG:32633"
    )
    assert sorted(found.parcel) == ["503", "504", "505"]


def test_a_missing_column_is_named(tmp_path):
    write(tmp_path / "a.gpkg", "GPKG", shapely.box([0.0], 0, 1, 1))
    with pytest.raises(ValueError, match="lacks SNAR_CODE, SNAR_BEZEICHNUNG, GEO_ID"):
        parcels.read_parcels(str(tmp_path / "a.gpkg"), PRESETS["invekos"])


def test_a_file_without_crs_is_refused(tmp_path):
    write(tmp_path / "a.shp", "ESRI Shapefile", shapely.box([0.0], 0, 1, 1))
    (tmp_path / "a.prj").unlink()
    with pytest.raises(ValueError, match=r"add the \.prj file"):
        parcels.read_parcels(str(tmp_path / "a.shp"), FIELDS)


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(OSError, match=r"none\.gpkg"):
        parcels.read_parcels(str(tmp_path / "none.gpkg"), FIELDS)
