"""Made Sentinel-1 products: true names, true XML, and pixels that obey the equation."""

import re
import zipfile

import numpy as np
import pyogrio
import pytest
import rasterio

from beam_pipelines import cli
from tfds_eo import sigrid3
from tfds_eo.geo.scene_polygons import read_polygons
from tfds_eo.sensors.sentinel1 import open_scene
from tfds_eo.simulate.ice_field import IceField
from tfds_eo.simulate.sentinel1 import Config, simulate
from tfds_eo.simulate.sentinel1_radar import LOOKS, Radar
from tfds_eo.simulate.sentinel1_safe import SIMULATED

RADAR = Radar(rows=300, cols=400, longitude=20.0, latitude=80.0)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return simulate(Config(folder=folder, rows=300, cols=250, regions=9))[0]


def test_names_are_those_of_true_products(made):
    name = (
        r"S1A_EW_GRDM_1SDH_20180116T075430_20180116T0754\d\d_020177_[0-9A-F]{6}"
        r"_[0-9A-F]{4}"
    )
    assert re.fullmatch(name + r"\.SAFE", made.product.name)
    stem = r"s1a-ew-grd-(hh-\S+-001|hv-\S+-002)"
    files = sorted(
        str(file.relative_to(made.product))
        for file in made.product.rglob("*")
        if file.is_file()
    )
    patterns = [
        *[rf"annotation/calibration/calibration-{stem}\.xml"] * 2,
        *[rf"annotation/calibration/noise-{stem}\.xml"] * 2,
        *[rf"annotation/{stem}\.xml"] * 2,
        "manifest.safe",
        *[rf"measurement/{stem}\.tiff"] * 2,
    ]
    assert len(files) == len(patterns)
    for file, pattern in zip(files, patterns, strict=True):
        assert re.fullmatch(pattern, file), file


def test_a_trusted_library_reads_its_tables(made):
    peer = pytest.importorskip("xarray_sentinel.sentinel1")
    (annotation,) = (made.product / "annotation").glob("*-hh-*.xml")
    grid = peer.open_gcp_dataset(str(annotation))
    radar = made.field.radar
    row, col = np.meshgrid(grid.line.values, grid.pixel.values, indexing="ij")
    longitude, latitude = radar.locate(row, col)
    np.testing.assert_allclose(grid.longitude.values, longitude, atol=1e-9)
    np.testing.assert_allclose(grid.latitude.values, latitude, atol=1e-9)
    np.testing.assert_allclose(grid.incidenceAngle.values, radar.angle(col), atol=1e-9)


def test_the_mean_of_dn_squared_is_signal_plus_noise():
    sigma = np.full((300, 400), 10 ** (-20 / 10))
    rng = np.random.default_rng(1)
    dn = RADAR.digital_numbers("HV", sigma, 0, rng).astype(float)
    gain = np.interp(np.arange(400), RADAR.table_cols, RADAR.sigma_nought)
    expected = sigma * gain**2 + RADAR.noise("HV", 0, 300)
    ratio = dn**2 / expected
    assert ratio.mean() == pytest.approx(1, abs=0.005)
    assert ratio.var() == pytest.approx(1 / LOOKS, rel=0.03)


def test_noise_steps_from_swath_to_swath_and_ripples_along_azimuth():
    noise = RADAR.noise("HV", 0, 300)
    for _, last in RADAR.swaths[:-1]:
        step = (noise[:, last] / noise[:, last + 1]).mean()
        assert abs(step - 1) > 0.05
    inner = [(first + last) // 2 for first, last in RADAR.swaths]
    assert np.ptp(noise[:, inner] / noise[:, inner].mean(axis=0), axis=0).min() > 0.1


def test_every_artefact_says_that_it_is_simulated(made):
    assert SIMULATED in (made.product / "manifest.safe").read_text()
    for tiff in made.product.rglob("*.tiff"):
        with rasterio.open(tiff) as raster:
            assert raster.tags()["TIFFTAG_IMAGEDESCRIPTION"] == SIMULATED
            assert len(raster.gcps[0]) == 23 * 21


def test_the_chart_decodes_to_the_planted_classes(made):
    info = pyogrio.read_info(made.chart)
    assert "Polar_Stereographic" in info["crs"] or "Stereographic" in info["crs"]
    file = read_polygons(made.chart)
    decoded = sigrid3.decode(file.fields, chart="made")
    assert decoded.valid.all()
    targets = sigrid3.ai4arctic(decoded)
    planted = np.array(made.field.classes)
    assert targets.sod[0] == targets.sod[1] == sigrid3.UNKNOWN  # Land, mixed ice.
    stage_of = {0: 0, 1: 1, 2: 1, 3: 2, 4: 3, 5: 4}
    assert targets.sod[2:].tolist() == [stage_of[c] for c in planted[2:].tolist()]


def test_regions_cover_the_image_and_every_class_occurs():
    field = IceField(radar=RADAR, regions=8)
    region = field.region_at(0, 300)
    assert set(np.unique(region)) == set(range(8))
    assert set(field.classes[2:]) == set(range(6))
    assert sum(cell.area for cell in field.cells) == pytest.approx(300 * 400)
    np.testing.assert_array_equal(field.region_at(100, 50), region[100:150])


def test_the_same_seed_makes_the_same_pixels_and_another_one_others(made, tmp_path):
    image = open_scene(made.product).read_dn("HV", open_scene(made.product).window)
    for seed, same in ((0, True), (1, False)):
        config = Config(
            folder=tmp_path / str(seed), rows=300, cols=250, regions=9, seed=seed
        )
        scene = open_scene(simulate(config)[0].product)
        assert np.array_equal(scene.read_dn("HV", scene.window), image) == same


def test_the_command_makes_several_scenes_in_zips(tmp_path):
    words = [str(tmp_path / "s1"), "--scenes", "2", "--rows", "100", "--cols", "120"]
    assert cli.main(["simulate", "sentinel1", *words, "--zipped"]) == 0
    zips = sorted((tmp_path / "s1").glob("*.zip"))
    assert [z.name[17:25] for z in zips] == ["20180116", "20180214"]
    assert all("manifest.safe" in zipfile.ZipFile(z).namelist()[-3] for z in zips)
    assert {open_scene(z).name for z in zips} == {z.stem for z in zips}


def test_a_product_that_is_there_is_not_overwritten(made):
    config = Config(folder=made.product.parent, rows=300, cols=250, regions=9)
    with pytest.raises(FileExistsError, match="must be new"):
        simulate(config)


@pytest.mark.parametrize("settings", [{"scenes": 0}, {"rows": 10}, {"version": "new"}])
def test_settings_that_make_no_sense_are_refused(settings, tmp_path):
    with pytest.raises(ValueError, match=r"must be that|needs at least"):
        Config(folder=tmp_path, **settings)
    with pytest.raises(ValueError, match="at least 8 regions"):
        IceField(radar=RADAR, regions=7)
