"""The metadata of real products are read, in the dialects of all baselines."""

import datetime
import json
import shutil

import pytest

from tfds_eo import schemas
from tfds_eo.geo.tile_grid import TileGrid
from tfds_eo.sensors import sentinel2_safe, sentinel2_stac

L2A = "S2A_MSIL2A_20230821T221941_N0509_R029_T01KAB_20230822T021825.SAFE"
L1C = "S2A_MSIL1C_20210908T042701_N0301_R133_T46RER_20210908T070248.SAFE"

OLD_NAMES = {
    "Product_Info": "L2A_Product_Info",
    "PRODUCT_URI": "PRODUCT_URI_2A",
    "IMAGE_FILE": "IMAGE_FILE_2A",
    "BOA_QUANTIFICATION_VALUE": "L2A_BOA_QUANTIFICATION_VALUE",
    "QUANTIFICATION_VALUES_LIST": "L1C_L2A_Quantification_Values_List",
    "Product_Organisation": "L2A_Product_Organisation",
}
"""What the specification before 14.5 calls an element."""


@pytest.fixture
def real(shared_data):
    return shared_data / "s2_safe_metadata" / L2A


def test_a_real_product_is_read(real):
    product = sentinel2_safe.read_product(str(real))
    assert product.id == L2A.removesuffix(".SAFE")
    assert product.grid == TileGrid(
        tile="01KAB", crs="EPSG:32701", left=99960, top=8200000, rows=10980, cols=10980
    )
    assert product.sensed == datetime.datetime(
        2023, 8, 21, 22, 19, 41, 24000, tzinfo=datetime.UTC
    )
    assert product.date == (datetime.date(2023, 8, 21) - datetime.date(1970, 1, 1)).days
    assert (product.baseline, product.strip) == ("05.09", "20230821T221944")
    assert (product.cloud, product.empty) == (59.050727, 0.0)
    assert {(b.quantification, b.offset) for b in product.bands} == {(10000.0, -1000.0)}
    granule = f"{real}/GRANULE/L2A_T01KAB_A042640_20230821T221944/IMG_DATA"
    assert [b.path for b in product.bands] == [
        f"{granule}/R{pixel}m/T01KAB_20230821T221941_{band}_{pixel}m.jp2"
        for band, pixel in [
            *(("B02", 10), ("B03", 10), ("B04", 10), ("B05", 20), ("B06", 20)),
            *(("B07", 20), ("B8A", 20), ("B11", 20), ("B12", 20)),
        ]
    ]
    assert product.scene_classification.endswith(
        "R20m/T01KAB_20230821T221941_SCL_20m.jp2"
    )
    assert not product.simulated


def test_the_item_that_others_made_of_a_real_product_says_the_same(real):
    path = real / "expected_output.json"
    item = json.loads(path.read_text())
    described = sentinel2_stac.read_item(item, str(path))
    read = sentinel2_safe.read_product(str(real))
    for name in ("id", "grid", "sensed", "strip", "baseline", "generated", "bands"):
        assert getattr(described, name) == getattr(read, name), name
    assert (described.cloud, described.empty) == (read.cloud, read.empty)
    assert described.scene_classification == read.scene_classification


def test_a_level_1c_product_is_refused(shared_data, tmp_path):
    folder = shared_data / "s2_safe_metadata" / L1C
    shutil.copy(folder / "MTD_MSIL1C.xml", tmp_path / "MTD_MSIL2A.xml")
    with pytest.raises(ValueError, match="must be of Level-2A; got 'Level-1C'"):
        sentinel2_safe.read_product(str(tmp_path))


@pytest.fixture
def old(real, tmp_path):
    """The real product, in the words of an earlier specification."""
    folder = tmp_path / L2A
    shutil.copytree(real, folder, ignore=shutil.ignore_patterns("*.json"))
    main = folder / "MTD_MSIL2A.xml"
    text = main.read_text("utf-8")
    for new, former in OLD_NAMES.items():
        text = text.replace(f"<{new}>", f"<{former}>").replace(
            f"<{new} ", f"<{former} "
        )
        text = text.replace(f"</{new}>", f"</{former}>")
    start, end = "<BOA_ADD_OFFSET_VALUES_LIST>", "</BOA_ADD_OFFSET_VALUES_LIST>"
    before, _, rest = text.partition(start)
    text = before + rest.partition(end)[2]
    text = text.replace("psd-14", "psd-13").replace(">05.09<", ">02.06<")
    text = text.replace("/T01KAB_2023", "/L2A_T01KAB_2023")
    main.write_text(text, "utf-8")
    return folder


def test_a_product_before_specification_14_5_is_read_and_has_no_offset(old, real):
    product = sentinel2_safe.read_product(str(old))
    assert product.baseline == "02.06"
    assert {b.offset for b in product.bands} == {0.0}
    assert product.grid == sentinel2_safe.read_product(str(real)).grid
    assert product.image("B8A").path.endswith(
        "R20m/L2A_T01KAB_20230821T221941_B8A_20m.jp2"
    )


def test_a_late_baseline_without_offsets_is_refused(old):
    main = old / "MTD_MSIL2A.xml"
    main.write_text(main.read_text("utf-8").replace(">02.06<", ">04.00<"), "utf-8")
    with pytest.raises(ValueError, match=r"baseline 04\.00 must have BOA_ADD_OFFSET"):
        sentinel2_safe.read_product(str(old))


def test_an_offset_belongs_to_its_band(old):
    main = old / "MTD_MSIL2A.xml"
    text = main.read_text("utf-8")
    # Number 8 is B8A and 11 is B11: B8 is counted between B7 and B8A.
    mark = "</L1C_L2A_Quantification_Values_List>"
    more = "".join(
        f'<BOA_ADD_OFFSET band_id="{number}">{-100 * number}</BOA_ADD_OFFSET>'
        for number in range(13)
    )
    main.write_text(text.replace(mark, mark + more), "utf-8")
    product = sentinel2_safe.read_product(str(old))
    found = dict(
        zip(schemas.CROP_BANDS, [b.offset for b in product.bands], strict=True)
    )
    assert found == {
        "B2": -100.0, "B3": -200.0, "B4": -300.0, "B5": -400.0, "B6": -500.0,
        "B7": -600.0, "B8A": -800.0, "B11": -1100.0, "B12": -1200.0,
    }  # fmt: skip


def test_a_product_without_a_band_is_refused(old):
    main = old / "MTD_MSIL2A.xml"
    text = main.read_text("utf-8").replace("_B11_20m<", "_B99_20m<")
    main.write_text(text, "utf-8")
    with pytest.raises(ValueError, match="must list an image of B11 at 20 m"):
        sentinel2_safe.read_product(str(old))
