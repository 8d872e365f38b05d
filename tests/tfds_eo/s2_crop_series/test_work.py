"""Files of the work folder are whole or absent, on disk and in object storage."""

import datetime

import fsspec
import numpy as np
import pytest

from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.s2_crop_series import work
from tfds_eo.sensors.sentinel2 import BandImage, Product
from tfds_eo.sensors.sentinel2_catalogue import Observation, TileSeries


@pytest.fixture(params=["disk", "memory"])
def folder(request, tmp_path):
    if request.param == "disk":
        yield str(tmp_path)
        return
    memory = fsspec.filesystem("memory")
    yield "memory://work"
    if memory.exists("/work"):
        memory.rm("/work", recursive=True)


def test_what_is_written_is_read(folder):
    names = work.WorkFolder(folder)
    work.write_json(names.counts("33UVP"), {"Käse": [1, 2.5, None]})
    assert work.read_json(names.counts("33UVP")) == {"Käse": [1, 2.5, None]}
    arrays = {"row": np.arange(5, dtype=np.int32), "code": np.array([b"717", b""])}
    work.write_arrays(names.samples("33UVP"), arrays)
    found = work.read_arrays(names.samples("33UVP"))
    assert {n: (a.dtype, a.tolist()) for n, a in found.items()} == {
        n: (a.dtype, a.tolist()) for n, a in arrays.items()
    }


def test_a_file_that_fails_is_not_there(folder):
    path = work.WorkFolder(folder).counts("33UVP")

    def write():
        with work.whole_file(path) as file:
            file.write(b"half")
            raise ValueError("the disk is full")

    with pytest.raises(ValueError, match="the disk is full"):
        write()
    assert not work.exists(path)
    work.write_json(path, 1)
    with pytest.raises(ValueError, match="the disk is full"):
        write()
    assert work.read_json(path) == 1
    filesystem, name = fsspec.core.url_to_fs(folder)
    assert [p.rpartition("/")[2] for p in filesystem.find(name)] == ["33UVP.json"]


def test_a_series_survives_its_file(folder):
    grid = TileGrid(
        tile="33UVP", crs="EPSG:32633", left=399960, top=5400000, rows=20, cols=12
    )
    product = Product(
        id="a",
        grid=grid,
        sensed=datetime.datetime(2018, 5, 1, 10, 0, 31, 24000, tzinfo=datetime.UTC),
        strip="20180501T100035",
        baseline="05.09",
        generated="2018-05-01",
        cloud=12.5,
        empty=0.25,
        bands=tuple(
            BandImage(path=f"b{n}", quantification=10000.0, offset=-100.0 * n)
            for n in range(9)
        ),
        scene_classification="s",
        simulated=True,
    )
    series = TileSeries(
        grid=grid, observations=(Observation(date=17652, products=(product, product)),)
    )
    path = work.WorkFolder(folder).series("33UVP")
    work.write_series(path, series)
    assert work.read_series(path) == series
