"""SIGRID-3 codes are decoded as the tables say, on made and on real charts."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tfds_eo import legends, sigrid3

STAGE = legends.SIGRID3_STAGES.id_of
FORM = legends.SIGRID3_FORMS.id_of


def decoded(forms="dmi", **fields):
    """One polygon of ice, or what the fields say."""
    return sigrid3.decode(
        {"POLY_TYPE": ["I"]} | {name: [value] for name, value in fields.items()},
        forms=forms,
        chart="made",
    )


def targets(**fields):
    found = sigrid3.ai4arctic(decoded(**fields))
    return int(found.sic[0]), int(found.sod[0]), int(found.floe[0])


@pytest.mark.parametrize(
    ("code", "low", "mid", "high"),
    [
        ("00", 0, 0, 0),
        ("55", 0, 0, 0),
        ("98", 0, 0, 0),
        ("01", 0, 0.5, 1),
        ("02", 0, 0, 0),
        ("30", 3, 3, 3),
        ("12", 1, 1.5, 2),
        ("68", 6, 7, 8),
        ("89", 8, 8.5, 9),
        ("81", 8, 9, 10),
        ("91", 9, 9.5, 10),
        ("92", 10, 10, 10),
    ],
)
def test_a_concentration_code_is_a_range_of_tenths(code, low, mid, high):
    np.testing.assert_array_equal(
        decoded(CT=code).concentration[0, 0], np.float32([low, mid, high])
    )


def test_every_concentration_code_of_the_standard_is_known_and_no_other():
    listed = ["00", "55", "98", "01", "02", "91", "92", "81"]
    listed += [f"{n}0" for n in range(1, 10)]
    ranges = (12, 13, 23, 24, 34, 35, 45, 46, 56, 57, 67, 68, 78, 79, 89)
    listed += [str(code) for code in ranges]
    assert sorted(sigrid3.CONCENTRATIONS) == sorted(listed)
    for tenths in sigrid3.CONCENTRATIONS.values():
        assert 0 <= tenths.low <= tenths.mid <= tenths.high <= 10


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (8, "08"),
        (8.0, "08"),
        ("8", "08"),
        ("08", "08"),
        (" 92 ", "92"),
        (np.int16(-9), "-9"),
        ("-9", "-9"),
        (None, ""),
        (float("nan"), ""),
        ("", ""),
        ("9+", "9+"),
        ("inf", "inf"),
    ],
)
def test_numbers_and_text_give_the_same_code(value, code):
    assert sigrid3.code_of(value) == code


@given(st.integers(-99, 99))
def test_a_code_survives_every_way_of_writing_it(number):
    ways = [number, float(number), str(number), f"{number:02d}", f" {number} "]
    assert len({sigrid3.code_of(way) for way in ways}) == 1


def test_forms_of_s411_are_shifted_by_one():
    assert decoded(FA="08").form[0, 0] == FORM("fast_ice")
    assert decoded(FA="09", forms="s411").form[0, 0] == FORM("fast_ice")
    assert decoded(FA="09").form[0, 0] == FORM("growlers_and_floebergs")
    assert decoded(FA="22").form[0, 0] == FORM("pancake_ice")
    assert decoded(FA="22", forms="s411").form[0, 0] == FORM("level_ice")


def test_a_single_type_of_ice_has_the_total_concentration():
    for missing in ("", "-9", None, -9):
        found = decoded(CT="24", CA=missing, SA=86).concentration[0]
        np.testing.assert_array_equal(found[1], [2, 3, 4])
        assert np.isnan(found[2:]).all()
    assert np.isnan(decoded(CT="40", CA="99").concentration[0, 1]).all()
    assert np.isnan(decoded(CT="00", CA="-9").concentration[0, 1]).all()


@pytest.mark.parametrize("stray", [13, 45, 78, "XX"])
def test_a_concentration_code_in_a_stage_field_is_flagged_and_kept_raw(stray):
    found = decoded(CT=80, SA=stray, SB=86)
    assert found.raw["SA"] == [str(stray)]
    assert found.stage[0].tolist() == [0, STAGE("first_year_ice"), 0]
    flags = dict(zip(sigrid3.FIELDS, found.valid[0].tolist(), strict=True))
    assert [name for name, good in flags.items() if not good] == ["SA"]


def test_codes_that_are_not_set_are_valid_but_unknown():
    for code in ("99", "-9", "", None):
        found = decoded(CT=code, SA=code, FA=code)
        assert found.valid.all()
        assert np.isnan(found.concentration).all()
        assert found.stage[0, 0] == found.form[0, 0] == 0


def test_field_names_are_looked_up_without_regard_to_case():
    found = sigrid3.decode({"poly_type": ["w"], "ct": [1], "Sa": ["95"]}, chart="c")
    assert found.polygon_type.tolist() == [legends.SIGRID3_POLYGONS.id_of("water")]
    assert found.raw["CT"] == ["01"]
    assert found.stage[0, 0] == STAGE("old_ice")


def test_a_chart_without_polygon_types_is_refused():
    with pytest.raises(ValueError, match=r"'c42' must have a field POLY_TYPE"):
        sigrid3.decode({"CT": ["92"]}, chart="c42")
    with pytest.raises(ValueError, match=r"must be one of L, W, I, N, S; got \['Q'\]"):
        sigrid3.decode({"POLY_TYPE": ["I", "Q"]}, chart="c42")
    with pytest.raises(ValueError, match="'CT' twice"):
        sigrid3.decode({"POLY_TYPE": ["I"], "CT": ["1"], "ct": ["2"]}, chart="c42")


# The table of the AI4Arctic targets, written by code as its authors do.
SIC = {0: 0, 1: 0, 2: 0, 55: 0, 91: 10, 92: 10} | {10 * n: n for n in range(1, 10)}
SOD = {0: 0, 80: 0, 81: 1, 82: 1, 83: 2, 84: 2, 85: 2, 87: 3, 88: 3, 89: 3}
SOD |= {86: 4, 91: 4, 93: 4, 95: 5, 96: 5, 97: 5, 98: 255, 99: 255}
FLOE = {2: 1, 3: 2, 4: 3, 5: 4, 6: 5, 7: 5, 9: 6, 10: 6, 1: 255, 8: 255, 21: 255}
FLOE |= {22: 255}


def test_targets_of_a_single_type_follow_the_table_of_ai4arctic():
    for code, sic in SIC.items():
        assert targets(CT=code, SA=86, FA=4)[0] == sic, code
    for code, sod in SOD.items():
        assert targets(CT=70, CA=-9, SA=code)[1] == sod, code
    for code, floe in FLOE.items():
        assert targets(CT=70, CA=-9, FA=code)[2] == floe, code


@pytest.mark.parametrize(
    ("code", "tenths"), [(12, 2), (13, 2), (23, 3), (57, 6), (79, 8), (81, 9), (89, 9)]
)
def test_a_range_counts_as_its_midpoint_rounded_half_up(code, tenths):
    assert targets(CT=code)[0] == tenths


def test_the_dominant_stage_needs_65_hundredths_of_the_ice():
    # 6 of 10 tenths are young ice: not enough. Two fields of young ice add up to 7.
    assert targets(CT=92, CA=60, SA=84, CB=40, SB=86)[1] == 255
    assert targets(CT=92, CA=40, SA=84, CB=30, SB=86, CC=30, SC=85)[1] == 2
    # 13 of 20: exactly the share that is needed, with 9.5 tenths it is not reached.
    assert targets(CT="92", CA="67", SA="95", CB="34", SB="81")[1] == 5
    assert targets(CT=91, CA=60, SA=86, CB=30, SB=81)[1] == 255
    # An unknown partner does not vote, but its ice still counts in the total.
    assert targets(CT=80, CA=50, SA=86, CB=30, SB=99)[1] == 255
    assert targets(CT=80, CA=60, SA=86, CB=20, SB=99)[1] == 4


def test_land_water_and_ice_are_told_apart_by_the_polygon_type_alone():
    assert targets(POLY_TYPE="W", CT=92, SA=95, FA=5) == (0, 0, 0)
    for letter in "LNS":
        assert targets(POLY_TYPE=letter, CT=92, SA=95, FA=5) == (255, 255, 255)
    assert targets(POLY_TYPE="I", CT=2, SA=98, FA=10) == (0, 0, 0)
    assert targets(POLY_TYPE="I", CT=99, CA=99, SA=95) == (255, 255, 255)


def test_the_real_canadian_chart_decodes_without_a_stray_code(shared_data):
    pyogrio = pytest.importorskip("pyogrio")
    meta, _, _, values = pyogrio.raw.read(
        shared_data / "ice_charts" / "cis_SGRDREA_20201102T.gpkg"
    )
    fields = dict(zip(meta["fields"], values, strict=True))
    found = sigrid3.decode(fields, chart="cis")
    names = np.array(legends.SIGRID3_POLYGONS.names)[found.polygon_type]
    counts = {str(name): int((names == name).sum()) for name in set(names.tolist())}
    assert counts == {"ice": 296, "land": 128, "ice_shelf": 7, "water": 1}
    assert found.valid.all()

    fast = found.form[:, 0] == FORM("fast_ice")
    assert fast.sum() == 153
    assert {found.raw["CT"][polygon] for polygon in np.flatnonzero(fast)} == {"92"}
    assert (found.concentration[fast, 0] == 10).all()

    # Partial concentrations add up to the total, within the half tenth that code 91
    # leaves open; polygons with a fourth type of ice, CD, hold some more.
    three = (names == "ice") & np.array([code == "-9" for code in fields["CD"]])
    partial = np.nansum(found.concentration[:, 1:, 1], axis=1)
    assert three.sum() == 291
    assert np.abs(partial - found.concentration[:, 0, 1])[three].max() <= 0.5

    made = sigrid3.ai4arctic(found)
    assert (made.sic[fast] == 10).all()
    assert (made.sic[(names != "ice") & (names != "water")] == sigrid3.UNKNOWN).all()
    assert made.sic[names == "water"].tolist() == [0]
    multi_year = np.array([code == "97" for code in found.raw["SA"]])
    alone = multi_year & np.array([code == "-9" for code in found.raw["CA"]])
    assert (made.sod[alone] == legends.AI4ARCTIC_STAGES.id_of("old_ice")).all()
    assert alone.sum() > 0


def test_every_code_leads_to_a_class_of_its_legend():
    for code in [f"{n:02d}" for n in range(100)]:
        found = decoded(CT=code, SA=code, FA=code)
        assert found.valid[0, 0] == (code in sigrid3.CONCENTRATIONS or code == "99")
        assert found.valid[0, 2] == (found.stage[0, 0] > 0 or code == "99")
        assert found.valid[0, 3] == (found.form[0, 0] > 0 or code == "99")
        mid = found.concentration[0, 0, 1]
        assert math.isnan(mid) == (code not in sigrid3.CONCENTRATIONS)
