"""Every code of the real parcel maps is mapped, or listed."""

import csv

import pytest

from tfds_eo import crosswalks, legends
from tfds_eo.geo import parcels

LEGEND = legends.TIME_SEN2_CROP


def class_names(path, codes):
    crosswalk = crosswalks.read_crosswalk(path, LEGEND)
    found = {code: crosswalk.class_of(code) for code in codes}
    return {
        code: None if c is None else (LEGEND.names[c] if c >= 0 else "out")
        for code, c in found.items()
    }


def test_every_code_of_the_austrian_sample_has_a_class(shared_data):
    path = str(shared_data / "parcels" / "AT_INVEKOS_schlaege_2025.gpkg")
    codes = parcels.names_of_codes(path, parcels.PRESETS["invekos"])
    assert class_names(crosswalks.INVEKOS_AT, codes) == {
        "109": "maize", "110": "winter_barley", "116": "winter_triticale",
        "359": "out", "360": "out", "361": "out", "634": "grassland",
        "636": "grassland", "658": "other_crops", "696": "other_crops",
        "701": "grassland", "710": "grassland", "716": "grassland",
        "717": "grassland", "771": "other_crops",
    }  # fmt: skip


def test_every_austrian_code_that_eurocrops_knows_has_a_class(shared_data):
    path = shared_data / "parcels" / "eurocrops_mappings" / "at_2021.csv"
    with path.open(encoding="utf-8", newline="") as file:
        codes = {row["original_code"].strip() for row in csv.DictReader(file)} - {""}
    crosswalk = crosswalks.read_crosswalk(crosswalks.INVEKOS_AT, LEGEND)
    assert len(codes) > 200
    assert crosswalk.unmapped(codes) == []


def test_every_code_of_the_slovenian_sample_has_a_class(shared_data):
    path = str(shared_data / "parcels" / "SI_2021_EC21.shp")
    codes = parcels.names_of_codes(path, parcels.PRESETS["eurocrops"])
    found = class_names(crosswalks.HCAT3, codes)
    assert found["3301010600"] == "maize"
    assert found["3302000000"] == "grassland"
    unmapped = crosswalks.read_crosswalk(crosswalks.HCAT3, LEGEND).unmapped(codes)
    assert unmapped == [code for code in sorted(found) if found[code] is None]
    # Only groups without a season, or unknown crops, are in no class.
    assert all(
        "unspecified" in codes[code] or codes[code].startswith("not_known")
        or code.startswith("330101")
        for code in unmapped
    ), {code: codes[code] for code in unmapped}  # fmt: skip


def test_every_class_of_the_legend_has_an_austrian_code():
    crosswalk = crosswalks.read_crosswalk(crosswalks.INVEKOS_AT, LEGEND)
    assert set(crosswalk.classes.values()) == {-1, *range(len(LEGEND))}


def test_the_longest_prefix_wins(tmp_path):
    path = tmp_path / "c.csv"
    path.write_text("code,name,class\n33*,a,maize\n3301*,b,rye\n33011,c,soy\n7,d,out\n")
    codes = ["33", "339", "3301", "33012", "33011", "7", "8"]
    assert class_names(str(path), codes) == {
        "33": "maize",
        "339": "maize",
        "3301": "rye",
        "33012": "rye",
        "33011": "soy",
        "7": "out",
        "8": None,
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("code,name\n1,a\n", "must have the columns code, name, class"),
        ("code,name,class\n1,a,maize\n1,b,rye\n", "code '1' twice, at line 3"),
        ("code,name,class\n1,a,wheat\n", r"line 2: .* has no class 'wheat'"),
    ],
)
def test_a_faulty_crosswalk_is_refused(tmp_path, text, message):
    path = tmp_path / "c.csv"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        crosswalks.read_crosswalk(str(path), LEGEND)
