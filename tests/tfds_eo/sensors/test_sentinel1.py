"""Scenes in physical units: against tables worked by hand, and a trusted library."""

import itertools
import pathlib
import re
import shutil

import numpy as np
import pytest
import rasterio
from rasterio.windows import Window

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.sensors.sentinel1 import open_scene
from tfds_eo.sensors.sentinel1_channel import FLOOR_DB
from tfds_eo.simulate.ice_field import BACKSCATTER
from tfds_eo.simulate.sentinel1 import Config, simulate

pytestmark = pytest.mark.filterwarnings(
    "ignore::rasterio.errors.NotGeoreferencedWarning"
)

NAME = "S1A_EW_GRDM_1SDH_20221130T014342_20221130T014446_046117_058549_BB15"


def window(row, col, rows, cols):
    return PixelWindow(row=row, col=col, rows=rows, cols=cols)


def write_pixels(path, rows, cols, blocks):
    """Writes a sparse TIFF: zeros but for the blocks given by upper-left pixel."""
    path.parent.mkdir(exist_ok=True)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=rows,
        width=cols,
        count=1,
        dtype="uint16",
        tiled=True,
        blockxsize=256,
        blockysize=256,
        SPARSE_OK=True,
    ) as raster:
        for (row, col), dn in blocks.items():
            raster.write(dn, 1, window=Window(col, row, dn.shape[1], dn.shape[0]))


@pytest.fixture(scope="module")
def real(shared_data, tmp_path_factory):
    """The real product, with made pixels around (1500, 50)."""
    safe = tmp_path_factory.mktemp("real") / (NAME + ".SAFE")
    shutil.copytree(
        shared_data / "s1_ew_annotation" / NAME, safe, copy_function=shutil.copyfile
    )
    for folder in (safe, *(f for f in safe.rglob("*") if f.is_dir())):
        folder.chmod(0o755)
    for polarisation, level in (("hh", 400), ("hv", 200)):
        dn = np.full((16, 300), level, np.uint16)
        dn[0, :10] = 0
        path = safe / "measurement" / f"ew-{polarisation}.tiff"
        write_pixels(path, 10708, 10487, {(1500, 0): dn})
    return safe


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return simulate(Config(folder=folder, rows=700, cols=500, regions=9))[0]


def only(safe, pattern):
    (found,) = safe.rglob(pattern)
    return found


# The real product -----------------------------------------------------------------


def test_positions_and_angles_are_those_of_xarray_sentinel(real):
    xarray_sentinel = pytest.importorskip("xarray_sentinel.sentinel1")
    peer = xarray_sentinel.open_gcp_dataset(str(real / "annotation" / "ew-hv.xml"))
    scene = open_scene(real)
    row, col = np.meshgrid(peer.line.values, peer.pixel.values, indexing="ij")
    longitude, latitude = scene.tie_points.locate(row, col)
    np.testing.assert_allclose(longitude, peer.longitude.values, atol=1e-9)
    np.testing.assert_allclose(latitude, peer.latitude.values, atol=1e-9)

    peer = peer.swap_dims(azimuth_time="line", slant_range_time="pixel")
    angle = scene.read_angle(window(4321, 0, 3, scene.cols))
    expected = peer.incidenceAngle.interp(
        line=np.arange(4321, 4324), pixel=np.arange(scene.cols)
    )
    np.testing.assert_allclose(angle, expected.values, atol=1e-5)


def test_calibration_is_that_of_xarray_sentinel(real):
    xarray_sentinel = pytest.importorskip("xarray_sentinel.sentinel1")
    peer = xarray_sentinel.open_calibration_dataset(
        str(real / "annotation" / "calibration" / "calibration-ew-hv.xml")
    )
    scene = open_scene(real)
    gain = scene.gain("HV", window(7000, 0, 2, scene.cols))
    expected = peer.sigmaNought.interp(line=[7000, 7001], pixel=np.arange(scene.cols))
    np.testing.assert_allclose(gain, expected.values, rtol=1e-6)


def test_noise_on_a_line_of_the_table_is_worked_out_by_hand(real):
    # Line 1503 of noise-ew-hv.xml: 2.455882e+04 at pixel 40, 2.083674e+04 at 80. EW1's
    # factors from line 1345 on hold 1.046463 and 1.038875 at lines 1500 and 1510.
    xml = only(real, "noise-ew-hv.xml").read_text()
    vector = xml[xml.index("<line>1503</line>") :]
    levels = re.search(r"<noiseRangeLut[^>]*>([^<]*)", vector)[1].split()
    block = xml[xml.index("<firstAzimuthLine>1345</firstAzimuthLine>") :]
    lines = re.search(r"<line [^>]*>([^<]*)", block)[1].split()
    factors = re.search(r"<noiseAzimuthLut[^>]*>([^<]*)", block)[1].split()
    at_40, at_80 = float(levels[1]), float(levels[2])
    at_1500 = float(factors[lines.index("1500")])
    at_1510 = float(factors[lines.index("1510")])

    noise = open_scene(real).noise("HV", window(1503, 50, 1, 1))
    along_range = 0.75 * at_40 + 0.25 * at_80
    along_azimuth = 0.7 * at_1500 + 0.3 * at_1510
    assert noise[0, 0] == pytest.approx(along_range * along_azimuth, rel=1e-6)


def test_noise_between_lines_uses_the_nodes_of_each_line(real):
    # Lines 334 and 422 have 269 and 268 values, at other pixels: a table of both is
    # ragged. Column 3118 begins EW2 at these lines.
    xml = only(real, "noise-ew-hh.xml").read_text()

    def at(line, pixel):
        vector = xml[xml.index(f"<line>{line}</line>") :]
        pixels = re.search(r"<pixel [^>]*>([^<]*)", vector)[1].split()
        levels = re.search(r"<noiseRangeLut[^>]*>([^<]*)", vector)[1].split()
        return np.interp(pixel, np.array(pixels, float), np.array(levels, float))

    block = xml[xml.index("<swath>EW2</swath>") :]
    block = block[block.index("<firstAzimuthLine>226</firstAzimuthLine>") :]
    lines = np.array(re.search(r"<line [^>]*>([^<]*)", block)[1].split(), float)
    factors = re.search(r"<noiseAzimuthLut[^>]*>([^<]*)", block)[1].split()
    factor = np.interp(378, lines, np.array(factors, float))

    noise = open_scene(real).noise("HH", window(378, 3500, 1, 1))
    along_range = 0.5 * at(334, 3500) + 0.5 * at(422, 3500)  # 378 is in the middle.
    assert noise[0, 0] == pytest.approx(along_range * factor, rel=1e-6)


def test_noise_holds_behind_its_last_line_and_needs_no_factor_where_there_is_none(real):
    scene = open_scene(real)
    last = scene.noise("HV", window(10707, 0, 1, scene.cols))
    assert np.isfinite(last).all()
    # Lines 0 to 127 have factors for EW1 alone; beyond it the range noise stands alone.
    xml = only(real, "noise-ew-hv.xml").read_text()
    levels = re.search(r"<noiseRangeLut[^>]*>([^<]*)", xml)[1].split()
    pixels = re.search(r"<pixel [^>]*>([^<]*)", xml)[1].split()
    noise = scene.noise("HV", window(0, 5000, 1, 1))
    by_hand = np.interp(5000, np.array(pixels, float), np.array(levels, float))
    assert noise[0, 0] == pytest.approx(by_hand, rel=1e-6)


def test_sigma_nought_is_calibrated_and_denoised_dn(real):
    scene = open_scene(real)
    here = window(1500, 50, 16, 200)
    found = scene.read(here)
    for band, (polarisation, dn) in enumerate((("HH", 400.0), ("HV", 200.0))):
        noise = scene.noise(polarisation, here).astype(float)
        gain = scene.gain(polarisation, here).astype(float)
        expected = 10 * np.log10((dn**2 - noise) / gain**2)
        np.testing.assert_allclose(found.image[:, :, band], expected, atol=2e-4)
    assert found.floored == (0, 0)


def test_dn_zero_is_no_data_but_has_an_angle(real):
    found = open_scene(real).read(window(1499, 0, 3, 20))
    assert np.isnan(found.image[0, :, :2]).all()
    assert np.isnan(found.image[1, :10, :2]).all()
    assert np.isfinite(found.image[1, 10:, :2]).all()
    assert np.isfinite(found.image[:, :, 2]).all()
    np.testing.assert_array_equal(found.valid[:, 9], [False, False, True])


# Made products --------------------------------------------------------------------


def test_planted_backscatter_comes_back_within_a_tenth_of_a_decibel(made):
    scene = open_scene(made.product)
    power, angle = scene.read_power(scene.window), scene.read_angle(scene.window)
    region = made.field.region_at(0, scene.rows)
    region[~scene.read_valid(scene.window)] = -1
    names = list(BACKSCATTER)
    for band, (name, laws) in itertools.product((0, 1), BACKSCATTER.items()):
        cells = [
            number
            for number, class_id in enumerate(made.field.classes)
            if number > 0 and names[class_id] == name
        ]
        chosen = np.isin(region, cells)
        constant, slope = laws[band]
        planted = 10 ** ((constant + slope * angle[chosen]) / 10)
        bias = 10 * np.log10(np.mean(power[chosen, band] / planted))
        assert abs(bias) < 0.1, (name, band)


@pytest.mark.parametrize("layout", ["cog", "mirror"])
@pytest.mark.parametrize("zipped", [False, True])
def test_every_layout_gives_the_same_image(made, tmp_path, layout, zipped):
    config = Config(
        folder=tmp_path, rows=700, cols=500, regions=9, layout=layout, zipped=zipped
    )
    other = open_scene(simulate(config)[0].product)
    scene = open_scene(made.product)
    assert (other.name, other.start) == (scene.name, scene.start)
    np.testing.assert_array_equal(
        other.read(other.window).image, scene.read(scene.window).image
    )


def test_windows_give_what_the_whole_scene_gives(made):
    scene = open_scene(made.product)
    whole = scene.read(scene.window)
    power = scene.read_power(scene.window)
    for row, col in itertools.product(range(0, 700, 350), range(0, 500, 125)):
        part = window(row, col, 350, 125)
        rows, cols = slice(row, row + 350), slice(col, col + 125)
        np.testing.assert_allclose(
            scene.read(part).image, whole.image[rows, cols], atol=1e-4
        )
        np.testing.assert_allclose(
            scene.read_power(part), power[rows, cols], rtol=1e-5, atol=1e-9
        )


def test_what_noise_removal_leaves_below_the_floor_is_set_to_it_and_counted(made):
    scene = open_scene(made.product)
    power, found = scene.read_power(scene.window), scene.read(scene.window)
    below = power < 10 ** (FLOOR_DB / 10)
    assert found.floored == (below[:, :, 0].sum(), below[:, :, 1].sum())
    assert found.floored[1] > 100
    np.testing.assert_allclose(found.image[:, :, :2][below], FLOOR_DB, atol=1e-4)
    assert np.nanmin(found.image[:, :, :2]) >= FLOOR_DB - 1e-4


def test_boxcar_means_linear_power_and_sees_beyond_the_window(made):
    scene = open_scene(made.product)
    found = scene.read(window(100, 4, 3, 9), boxcar=5).image
    power = scene.read_power(window(98, 0, 7, 20)).astype(float)
    for row, col in itertools.product(range(3), range(9)):
        square = power[row : row + 5, max(col + 2, 0) : col + 7, 1]
        if np.isnan(power[row + 2, col + 4, 1]):  # 8 columns have no data.
            assert np.isnan(found[row, col, 1])
        else:
            mean = max(np.nanmean(square), 1e-5)
            assert found[row, col, 1] == pytest.approx(10 * np.log10(mean), abs=1e-3)


def test_old_products_have_range_noise_alone_and_a_dark_frame(tmp_path):
    config = Config(folder=tmp_path, rows=300, cols=400, regions=8, version="002.72")
    made = simulate(config)[0]
    for tiff in made.product.rglob("*.tiff"):
        with rasterio.open(tiff, "r+") as raster:
            dn = raster.read(1)
            dn[:, :8] = dn[:, -8:] = np.arange(1, 9)  # Low, not zero.
            dn[:5] = 3
            raster.write(dn, 1)
    scene = open_scene(made.product)
    valid = scene.read_valid(scene.window)
    np.testing.assert_array_equal(valid, scene.read(scene.window).valid)
    assert not valid[:, :8].any()
    assert not valid[:, -8:].any()
    assert not valid[:5].any()
    assert valid[5:, 8:-8].mean() > 0.999
    radar = made.field.radar
    np.testing.assert_allclose(
        scene.noise("HV", scene.window), radar.noise("HV", 0, 300), rtol=1e-5
    )


def test_a_scene_says_whether_it_is_simulated(made, real):
    assert open_scene(made.product).simulated
    assert not open_scene(real).simulated


def test_paths_in_buckets_become_those_of_gdal():
    from tfds_eo.sensors.sentinel1_files import ProductFiles

    files = ProductFiles(
        path="gs://bucket/S1A.SAFE.zip",
        name="S1A",
        manifest=None,
        annotation={},
        measurement={"HH": "S1A.SAFE/measurement/x-hh-y.tiff"},
        calibration={},
        noise={},
    )
    assert files.raster_path("HH") == (
        "/vsizip/{/vsigs/bucket/S1A.SAFE.zip}/S1A.SAFE/measurement/x-hh-y.tiff"
    )
    assert pathlib.PurePosixPath(files.raster_path("HH")).name == "x-hh-y.tiff"


def test_products_under_urls_are_found_and_their_tables_read(made):
    import fsspec

    from tfds_eo.sensors.sentinel1_files import find_files

    memory = fsspec.filesystem("memory")
    for file in made.product.rglob("*.xml"):
        inside = file.relative_to(made.product)
        memory.pipe(f"/bucket/{made.product.name}/{inside}", file.read_bytes())
    found = find_files(f"memory://bucket/{made.product.name}")
    assert found.name == made.name
    content = found.read_xml(found.noise["HV"])
    assert content == (made.product / found.noise["HV"]).read_bytes()


def test_a_wide_swath_product_of_iw_mode_is_read_too(made, tmp_path):
    safe = tmp_path / made.product.name.replace("_EW_GRDM_", "_IW_GRDH_")
    shutil.copytree(made.product, safe)
    for file in sorted(safe.rglob("*-ew-*")):
        file = file.rename(file.with_name(file.name.replace("-ew-", "-iw-")))
        if file.suffix == ".xml":
            text = file.read_text().replace("<mode>EW", "<mode>IW")
            text = text.replace("<swath>EW", "<swath>IW")
            file.write_text(text.replace("Spacing>4.0", "Spacing>1.0"))
    scene, original = open_scene(safe), open_scene(made.product)
    assert (scene.mode, scene.row_spacing, scene.col_spacing) == ("IW", 10.0, 10.0)
    here = window(300, 200, 30, 40)
    np.testing.assert_array_equal(scene.read(here).image, original.read(here).image)


def test_threads_read_the_same_scene_at_the_same_time(made):
    import concurrent.futures

    scene = open_scene(made.product)
    whole = scene.read(scene.window).image
    windows = [
        window(row, col, 70, 100) for row in range(0, 700, 70) for col in (0, 399)
    ]
    with concurrent.futures.ThreadPoolExecutor(4) as threads:
        found = list(threads.map(scene.read, windows * 8))
    for here, image in zip(windows * 8, found, strict=True):
        rows, cols = slice(here.row, here.end_row), slice(here.col, here.end_col)
        np.testing.assert_allclose(image.image, whole[rows, cols], atol=1e-4)
