"""Broken products: what is wrong, where, and what to do."""

import re
import shutil

import numpy as np
import pytest
import rasterio

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.sensors.sentinel1 import open_scene
from tfds_eo.simulate.sentinel1 import Config, simulate

pytestmark = pytest.mark.filterwarnings(
    "ignore::rasterio.errors.NotGeoreferencedWarning"
)


def window(row, col, rows, cols):
    return PixelWindow(row=row, col=col, rows=rows, cols=cols)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return simulate(Config(folder=folder, rows=700, cols=500, regions=9))[0]


def copy_of(scene, tmp_path):
    safe = tmp_path / scene.product.name
    shutil.copytree(scene.product, safe)
    return safe


def only(safe, pattern):
    (found,) = safe.rglob(pattern)
    return found


def test_a_missing_polarisation_is_an_error(made, tmp_path):
    safe = copy_of(made, tmp_path)
    for file in safe.rglob("*-hv-*"):
        file.rename(str(file).replace("-hv-", "-vv-"))
    with pytest.raises(ValueError, match=r"HH and HV; its annotation has HH, VV"):
        open_scene(safe)


def test_a_missing_noise_file_is_an_error_unless_allowed(made, tmp_path):
    safe = copy_of(made, tmp_path)
    only(safe, "noise-*-hv-*.xml").unlink()
    with pytest.raises(FileNotFoundError, match=r"HV noise file .*allow missing noise"):
        open_scene(safe)
    scene = open_scene(safe, noise="optional")
    assert not scene.denoised
    here = window(300, 200, 4, 4)
    expected = scene.read_dn("HV", here) ** 2.0 / scene.gain("HV", here) ** 2.0
    np.testing.assert_allclose(scene.read_power(here)[:, :, 1], expected, rtol=1e-5)


@pytest.mark.parametrize("kind", ["calibration", "measurement"])
def test_another_missing_file_is_an_error(made, tmp_path, kind):
    safe = copy_of(made, tmp_path)
    for file in safe.rglob("*-hh-*"):
        if kind in (file.parent.name, file.name.split("-")[0]) and (
            not file.name.startswith("noise")
        ):
            file.unlink()
    with pytest.raises(FileNotFoundError, match=f"HH {kind} file"):
        open_scene(safe)


def test_a_truncated_tiff_is_an_error_that_names_the_rows(made, tmp_path):
    safe = copy_of(made, tmp_path)
    tiff = only(safe, "*-hv-*.tiff")
    tiff.write_bytes(tiff.read_bytes()[: tiff.stat().st_size // 2])
    scene = open_scene(safe)
    with pytest.raises(OSError, match=r"hv.* must be whole"):
        scene.read(window(600, 0, 10, 500))


def test_an_annotation_without_grid_is_an_error(made, tmp_path):
    safe = copy_of(made, tmp_path)
    file = safe / "annotation" / f"{only(safe, 's1a-ew-grd-hh-*.tiff').stem}.xml"
    text = file.read_text()
    file.write_text(
        re.sub(r"<geolocationGrid>.*</geolocationGrid>", "", text, flags=re.S)
    )
    with pytest.raises(ValueError, match="must have a geolocationGrid"):
        open_scene(safe)
    file.write_text(text.replace("<line>0</line>", "<line>1</line>", 1))
    with pytest.raises(ValueError, match=r"geolocationGrid of .* must be complete"):
        open_scene(safe)


def test_a_tiff_of_another_size_is_an_error(made, tmp_path):
    safe = copy_of(made, tmp_path)
    tiff = only(safe, "*-hh-*.tiff")
    profile = {"height": 700, "width": 501, "count": 1, "dtype": "uint16"}
    with rasterio.open(tiff, "w", driver="GTiff", **profile):
        pass
    with pytest.raises(ValueError, match=r"700 x 500 uint16 .* got 700 x 501"):
        open_scene(safe).read(window(0, 0, 1, 1))


def test_xml_with_entities_is_refused(made, tmp_path):
    safe = copy_of(made, tmp_path)
    file = only(safe, "noise-*-hh-*.xml")
    bomb = '<!DOCTYPE x [<!ENTITY a "b">]><noise>&a;</noise>'
    file.write_text(bomb)
    with pytest.raises(ValueError, match="without entities"):
        open_scene(safe)


def test_a_folder_without_product_and_a_broken_zip_are_errors(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"SAFE folder or a .zip"):
        open_scene(tmp_path / "nothing.SAFE")
    with pytest.raises(FileNotFoundError, match="annotation/"):
        open_scene(tmp_path)
    (tmp_path / "broken.zip").write_bytes(b"PK\3\4 and no more")
    with pytest.raises(ValueError, match="whole zip archive"):
        open_scene(tmp_path / "broken.zip")


def test_a_window_outside_the_scene_is_an_error(made):
    scene = open_scene(made.product)
    for outside in (window(-1, 0, 5, 5), window(0, 499, 1, 2), window(0, 0, 0, 5)):
        with pytest.raises(ValueError, match="inside scene"):
            scene.read(outside)
