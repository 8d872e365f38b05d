"""Decodes the codes of ice charts: SIGRID-3 tables and the AI4Arctic targets of them.

Source of the tables: JCOMM Technical Report 23 (WMO/TD-No. 1214). What a chart means is
decided by its polygon type; a total concentration does not tell land from water.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from tfds_eo import legends

FIELDS = ("CT", "CA", "SA", "FA", "CB", "SB", "FB", "CC", "SC", "FC")
"""Fields of a polygon: the total, then concentration, stage, form of three types."""

UNSET = ("", "-9", "99")
"""Codes of a value that is not given or not known."""

UNKNOWN = 255
"""What stands in a target where the chart does not decide it."""

DOMINANT = 0.65
"""Least share of the total concentration that makes a class that of the polygon."""

Numbering = Literal["dmi", "s411"]
"""Which numbers the forms of ice carry: those of DMI, CIS and AI4Arctic, or S-411's."""


@dataclasses.dataclass(frozen=True)
class Concentration:
    """How much of an area ice covers, in tenths.

    Attributes:
        low: Least concentration that the code allows.
        mid: The one to calculate with.
        high: Greatest concentration that the code allows.
    """

    low: float
    mid: float
    high: float


def _concentrations() -> dict[str, Concentration]:
    table = {
        "00": Concentration(0, 0, 0),
        "55": Concentration(0, 0, 0),
        "98": Concentration(0, 0, 0),
        "01": Concentration(0, 0.5, 1),
        "02": Concentration(0, 0, 0),
        "91": Concentration(9, 9.5, 10),
        "92": Concentration(10, 10, 10),
        "81": Concentration(8, 9, 10),
    }
    for tenths in range(1, 10):
        table[f"{tenths}0"] = Concentration(tenths, tenths, tenths)
    for code in (12, 13, 23, 24, 34, 35, 45, 46, 56, 57, 67, 68, 78, 79, 89):
        low, high = divmod(code, 10)
        table[str(code)] = Concentration(low, (low + high) / 2, high)
    return table


CONCENTRATIONS: dict[str, Concentration] = _concentrations()
"""Tenths of each concentration code, CT, CA, CB, CC.

00, 55 and 98 are free of ice; 02 is bergy water, whose ice is none of the sea's; 01 is
open water with less than a tenth; 91 is more than nine tenths but not ten. Code 55 is
free of ice, so that it is not the range of 5 to 5 tenths.
"""

STAGES: dict[str, str] = {
    "70": "brash_ice",
    "80": "no_stage",
    "81": "new_ice",
    "82": "nilas",
    "83": "young_ice",
    "84": "grey_ice",
    "85": "grey_white_ice",
    "86": "first_year_ice",
    "87": "thin_first_year_ice",
    "88": "thin_first_year_ice_stage_1",
    "89": "thin_first_year_ice_stage_2",
    "91": "medium_first_year_ice",
    "93": "thick_first_year_ice",
    "95": "old_ice",
    "96": "second_year_ice",
    "97": "multi_year_ice",
    "98": "glacier_ice",
}
"""Class of `legends.SIGRID3_STAGES` of each stage code, SA, SB, SC, CN, CD."""

_FORM_NAMES = (
    "pancake_ice",
    "small_ice_cake_brash_ice",
    "ice_cake",
    "small_floe",
    "medium_floe",
    "big_floe",
    "vast_floe",
    "giant_floe",
    "fast_ice",
    "growlers_and_floebergs",
    "icebergs",
    *(f"strips_and_patches_{tenths}_tenths" for tenths in range(1, 11)),
    "level_ice",
)

FORMS: dict[Numbering, dict[str, str]] = {
    "dmi": {f"{code:02d}": name for code, name in enumerate(_FORM_NAMES)}
    | {"22": "pancake_ice"},
    "s411": {f"{code + 1:02d}": name for code, name in enumerate(_FORM_NAMES)},
}
"""Class of `legends.SIGRID3_FORMS` of each form code, in both numberings.

AI4Arctic writes 22 for pancake ice beside 00; S-411 counts every form one higher.
"""

POLYGON_TYPES: dict[str, str] = {
    "L": "land",
    "W": "water",
    "I": "ice",
    "N": "no_data",
    "S": "ice_shelf",
}
"""Class of `legends.SIGRID3_POLYGONS` of each letter of POLY_TYPE."""

AI4ARCTIC_SOD: dict[str, str] = {
    "no_stage": "water",
    "new_ice": "new_ice",
    "nilas": "new_ice",
    "young_ice": "young_ice",
    "grey_ice": "young_ice",
    "grey_white_ice": "young_ice",
    "thin_first_year_ice": "thin_first_year_ice",
    "thin_first_year_ice_stage_1": "thin_first_year_ice",
    "thin_first_year_ice_stage_2": "thin_first_year_ice",
    "first_year_ice": "thick_first_year_ice",
    "medium_first_year_ice": "thick_first_year_ice",
    "thick_first_year_ice": "thick_first_year_ice",
    "old_ice": "old_ice",
    "second_year_ice": "old_ice",
    "multi_year_ice": "old_ice",
}
"""Class of `legends.AI4ARCTIC_STAGES` of each stage; brash, glacier ice have none."""

AI4ARCTIC_FLOE: dict[str, str] = {
    "ice_cake": "cake_ice",
    "small_floe": "small_floe",
    "medium_floe": "medium_floe",
    "big_floe": "big_floe",
    "vast_floe": "vast_floe",
    "giant_floe": "vast_floe",
    "growlers_and_floebergs": "bergs",
    "icebergs": "bergs",
}
"""Class of `legends.AI4ARCTIC_FLOES` of each form; the other forms have none."""


@dataclasses.dataclass(frozen=True)
class Decoded:
    """What the codes of the polygons of a chart mean.

    Attributes:
        raw: The codes as the chart gives them, by field of `FIELDS`; ``''`` where the
            chart has none.
        polygon_type: Class of `legends.SIGRID3_POLYGONS`, ``[polygons]``.
        concentration: Tenths, ``[polygons, 4, 3]``: the total and the three types by
            low, mid and high; NaN where unknown.
        stage: Class of `legends.SIGRID3_STAGES`, ``[polygons, 3]``.
        form: Class of `legends.SIGRID3_FORMS`, ``[polygons, 3]``.
        valid: Whether each code stands in its table or is not set,
            ``[polygons, 10]`` in the order of `FIELDS`.
    """

    raw: dict[str, list[str]]
    polygon_type: npt.NDArray[np.uint8]
    concentration: npt.NDArray[np.float32]
    stage: npt.NDArray[np.uint8]
    form: npt.NDArray[np.uint8]
    valid: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.polygon_type)


@dataclasses.dataclass(frozen=True)
class Targets:
    """The AI4Arctic targets of polygons; `UNKNOWN` where the chart does not decide.

    Attributes:
        sic: Ice concentration in tenths, 0 to 10, uint8 ``[polygons]``.
        sod: Stage, class of `legends.AI4ARCTIC_STAGES`, uint8 ``[polygons]``.
        floe: Floe size, class of `legends.AI4ARCTIC_FLOES`, uint8 ``[polygons]``.
    """

    sic: npt.NDArray[np.uint8]
    sod: npt.NDArray[np.uint8]
    floe: npt.NDArray[np.uint8]


def code_of(value: object) -> str:
    """Returns a code as the tables write it, whether the file holds it as 8 or '08'.

    Missing values (None, NaN, blanks) become ``''``; text that is no whole number is
    kept as it is, so that it can be reported.
    """
    if value is None:
        return ""
    text = str(value).strip()
    if text.lower() in ("", "none", "nan", "<na>"):
        return ""
    try:
        number = float(text)
    except ValueError:
        return text
    if not math.isfinite(number) or number != int(number):
        return text
    return f"{int(number):02d}"


def decode(
    fields: Mapping[str, Sequence[object]], *, forms: Numbering = "dmi", chart: str
) -> Decoded:
    """Decodes the codes of the polygons of a chart.

    A code outside its table is kept raw, decoded as unknown and marked as not valid.
    Where CA is not set (empty or -9) and CT is more than 0, the polygon holds a single
    type of ice, so that CA is CT.

    Args:
        fields: Values of each field, by name in any case; numbers or text. POLY_TYPE
            must be there; a field of `FIELDS` that is absent counts as not set.
        forms: Numbering of the forms of ice.
        chart: Name of the chart, for messages.

    Raises:
        ValueError: If POLY_TYPE is absent or holds another letter than L, W, I, N, S,
            or two fields have the same name but for case.
    """
    columns = _by_upper_name(fields, chart)
    polygon_type = _polygon_types(columns, chart)
    count = len(polygon_type)
    raw = {
        field: [code_of(v) for v in columns[field]]
        if field in columns
        else [""] * count
        for field in FIELDS
    }
    valid = np.ones((count, len(FIELDS)), bool)
    concentration = np.full((count, 4, 3), np.nan, np.float32)
    stage = np.zeros((count, 3), np.uint8)
    form = np.zeros((count, 3), np.uint8)
    stage_ids = _ids_of(STAGES, legends.SIGRID3_STAGES)
    form_ids = _ids_of(FORMS[forms], legends.SIGRID3_FORMS)
    for column, field in enumerate(FIELDS):
        kind, place = field[0], " TABC".index(field[1]) - 1
        for polygon, code in enumerate(raw[field]):
            if kind == "C":
                known = code in CONCENTRATIONS
                if known:
                    tenths = CONCENTRATIONS[code]
                    concentration[polygon, place] = (
                        tenths.low,
                        tenths.mid,
                        tenths.high,
                    )
            elif kind == "S":
                known = code in stage_ids
                stage[polygon, place - 1] = stage_ids.get(code, 0)
            else:
                known = code in form_ids
                form[polygon, place - 1] = form_ids.get(code, 0)
            valid[polygon, column] = known or code in UNSET
    single = np.array([code in ("", "-9") for code in raw["CA"]], bool)
    single &= concentration[:, 0, 2] > 0
    concentration[single, 1] = concentration[single, 0]
    return Decoded(
        raw=raw,
        polygon_type=polygon_type,
        concentration=concentration,
        stage=stage,
        form=form,
        valid=valid,
    )


def ai4arctic(decoded: Decoded) -> Targets:
    """Returns the targets of the AI4Arctic/AutoICE sets of each polygon.

    Concentration: 0 to 10 tenths; open (01) and bergy water (02) count as 0, 91 as 10,
    and a range as its midpoint rounded half up, which their table leaves open and is
    our choice. Stage and floe: the class with the largest share of the total
    concentration, if that is at least `DOMINANT`. Water, and ice of concentration 0,
    are water in all three; land, ice shelf and no data are unknown in all three.
    """
    count = len(decoded)
    sic, sod, floe = (np.full(count, UNKNOWN, np.uint8) for _ in range(3))
    sod_of = _target_ids(
        legends.SIGRID3_STAGES, AI4ARCTIC_SOD, legends.AI4ARCTIC_STAGES
    )
    floe_of = _target_ids(
        legends.SIGRID3_FORMS, AI4ARCTIC_FLOE, legends.AI4ARCTIC_FLOES
    )
    water = legends.SIGRID3_POLYGONS.id_of("water")
    ice = legends.SIGRID3_POLYGONS.id_of("ice")
    for polygon in range(count):
        kind = decoded.polygon_type[polygon]
        mids = decoded.concentration[polygon, :, 1].astype(float)
        if kind == water:
            sic[polygon] = sod[polygon] = floe[polygon] = 0
        if kind != ice or math.isnan(mids[0]):
            continue
        sic[polygon] = _tenths(decoded.raw["CT"][polygon], mids[0])
        if sic[polygon] == 0:
            sod[polygon] = floe[polygon] = 0
            continue
        shares = mids[1:] / mids[0]
        stages = sod_of[decoded.stage[polygon]]
        for place, field in enumerate(("SA", "SB", "SC")):
            if decoded.raw[field][polygon] == "00":  # Their table: 0 is water, as 80.
                stages[place] = 0
        sod[polygon] = _dominant(stages, shares)
        floe[polygon] = _dominant(floe_of[decoded.form[polygon]], shares)
    return Targets(sic=sic, sod=sod, floe=floe)


def _tenths(code: str, mid: float) -> int:
    return 0 if code == "01" else math.floor(mid + 0.5)


def _dominant(classes: npt.NDArray[np.uint8], shares: npt.NDArray[np.float64]) -> int:
    total: dict[int, float] = {}
    for class_id, share in zip(classes.tolist(), shares.tolist(), strict=True):
        if class_id != UNKNOWN and not math.isnan(share):
            total[class_id] = total.get(class_id, 0.0) + share
    if not total:
        return UNKNOWN
    best = max(total, key=lambda class_id: total[class_id])
    # Sums of tenths such as 0.35 + 0.3 fall short of 0.65 by rounding alone.
    return best if total[best] >= DOMINANT - 1e-9 else UNKNOWN


def _target_ids(
    source: legends.Legend, crosswalk: Mapping[str, str], target: legends.Legend
) -> npt.NDArray[np.uint8]:
    return np.array(
        [
            target.id_of(crosswalk[name]) if name in crosswalk else UNKNOWN
            for name in source.names
        ],
        np.uint8,
    )


def _ids_of(codes: Mapping[str, str], legend: legends.Legend) -> dict[str, int]:
    return {code: legend.id_of(name) for code, name in codes.items()}


def _by_upper_name(
    fields: Mapping[str, Sequence[object]], chart: str
) -> dict[str, Sequence[object]]:
    columns: dict[str, Sequence[object]] = {}
    for name, values in fields.items():
        if name.upper() in columns:
            raise ValueError(
                f"fields of chart {chart!r} must differ by more than case;"
                f" got {name.upper()!r} twice in {sorted(fields)}"
            )
        columns[name.upper()] = values
    return columns


def _polygon_types(
    columns: Mapping[str, Sequence[object]], chart: str
) -> npt.NDArray[np.uint8]:
    if "POLY_TYPE" not in columns:
        raise ValueError(
            f"chart {chart!r} must have a field POLY_TYPE, which tells land, water and"
            f" ice apart; its fields are {sorted(columns)}"
        )
    letters = [str(v or "").strip().upper() for v in columns["POLY_TYPE"]]
    wrong = sorted(set(letters) - set(POLYGON_TYPES))
    if wrong:
        raise ValueError(
            f"POLY_TYPE of chart {chart!r} must be one of {', '.join(POLYGON_TYPES)};"
            f" got {wrong}; correct these polygons or remove them from the chart"
        )
    ids = _ids_of(POLYGON_TYPES, legends.SIGRID3_POLYGONS)
    return np.array([ids[letter] for letter in letters], np.uint8)
