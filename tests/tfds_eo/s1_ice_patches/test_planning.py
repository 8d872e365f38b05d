"""Patches of a scene: which are found, which are dropped, what they are called."""

import datetime

import numpy as np
import pyogrio.raw
import pytest
import shapely

from tfds_eo.geo.grid import PixelWindow
from tfds_eo.geo.patches import patch_corners
from tfds_eo.geo.scene_polygons import pixels_inside, read_polygons
from tfds_eo.legends import AI4ARCTIC_STAGES, UIT_SEA_ICE
from tfds_eo.s1_ice_patches.labelling import (
    UNLABELLED,
    Labelling,
    read_crosswalk,
    read_labels,
)
from tfds_eo.s1_ice_patches.pairing import Timed, pair_up, time_in_name
from tfds_eo.s1_ice_patches.planning import Cutting, Request, plan_scene
from tfds_eo.s1_ice_patches.splitting import check_splits, split_patches
from tfds_eo.s1_ice_patches.views import View
from tfds_eo.simulate.sentinel1 import Config, simulate

CLASSES = Labelling(kind="class", legend=UIT_SEA_ICE)
STAGES = Labelling(kind="chart_class", legend=AI4ARCTIC_STAGES)
RASTERS = Labelling(kind="chart_rasters", legend=None)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    return simulate(Config(folder=folder, rows=600, cols=500, regions=12))[0]


def plan(made, polygons, labelling=CLASSES, **cutting):
    return plan_scene(
        Request(
            view=View(path=str(made.product)),
            polygons=str(polygons),
            labelling=labelling,
            cutting=Cutting(**cutting),
        )
    )


def write(path, shapes, made, **fields):
    """Writes polygons given in pixels of the scene, in longitude and latitude."""

    def locate(xy):
        return np.c_[made.field.radar.locate(xy[:, 1] - 0.5, xy[:, 0] - 0.5)]

    # Straight in pixels is curved in degrees: many vertices keep it straight.
    dense = [shapely.transform(shapely.segmentize(s, 2), locate) for s in shapes]
    pyogrio.raw.write(
        path,
        geometry=shapely.to_wkb(np.array(dense, object)),
        field_data=[np.array(values) for values in fields.values()],
        fields=list(fields),
        geometry_type="Polygon",
        crs="EPSG:4326",
    )
    return path


# What is found --------------------------------------------------------------------


def test_rectangles_give_as_many_patches_of_each_size_as_the_rule_says(made, tmp_path):
    # Edges lie a tenth of a pixel outside, so that no centre is on an edge.
    corners = [(50, 60, 137, 95), (200, 150, 61, 288)]  # row, col, a, b
    shapes = [
        shapely.box(c - 0.1, r - 0.1, c + b + 0.1, r + a + 0.1)
        for r, c, a, b in corners
    ]
    file = write(tmp_path / "p.gpkg", shapes, made, **{"class": ["young_ice"] * 2})
    found = plan(made, file, sizes=(10, 20, 32), strides=(10, 10, 7)).patches
    for size, stride in ((10, 10), (20, 10), (32, 7)):
        for number, (row, col, a, b) in enumerate(corners):
            chosen = found[size].polygon == number
            expected = ((a - size) // stride + 1) * ((b - size) // stride + 1)
            assert chosen.sum() == expected, (size, number)
            assert found[size].row[chosen].min() == row
            assert found[size].col[chosen].min() == col
    assert set(found[10].label) == {UIT_SEA_ICE.id_of("young_ice")}


def test_patches_of_made_polygons_are_those_of_the_pixels_they_were_drawn_on(made):
    found = plan(made, made.polygons, sizes=(20,), strides=(10,)).patches[20]
    window = PixelWindow(row=0, col=0, rows=600, cols=500)
    shapes, classes = made.field.polygons()
    for number, (shape, class_id) in enumerate(zip(shapes, classes, strict=True)):
        row, col = patch_corners(pixels_inside(shape, window), size=20, stride=10)
        clear = (col >= 8) & (col + 20 <= 492)  # 8 columns at each side have no data.
        chosen = found.polygon == number
        wanted = set(zip(row[clear].tolist(), col[clear].tolist(), strict=True))
        got = zip(found.row[chosen].tolist(), found.col[chosen].tolist(), strict=True)
        # A centre within a thousandth of a pixel of an edge may fall to either side.
        assert len(wanted ^ set(got)) <= 2
        assert set(found.label[chosen]) <= {class_id}


def test_a_margin_keeps_patches_away_from_edges(made, tmp_path):
    shape = shapely.box(99.9, 99.9, 200.1, 180.1)
    file = write(tmp_path / "p.gpkg", [shape], made, **{"class": ["open_water"]})
    found = plan(made, file, sizes=(10,), strides=(1,), margin=200.0).patches[10]
    assert (found.row.min(), found.col.min()) == (105, 105)  # 200 m are 5 pixels.
    assert (found.row.max() + 10, found.col.max() + 10) == (175, 195)


def test_a_pixel_that_two_polygons_claim_belongs_to_neither(made, tmp_path):
    shapes = [
        shapely.box(99.9, 99.9, 200.1, 200.1),
        shapely.box(150.1, 99.9, 300, 200.1),
    ]
    file = write(
        tmp_path / "p.gpkg", shapes, made, **{"class": ["open_water", "young_ice"]}
    )
    found = plan(made, file, sizes=(10,), strides=(5,)).patches[10]
    water = found.label == UIT_SEA_ICE.id_of("open_water")
    assert found.col[water].max() + 10 <= 150
    assert found.col[~water].min() >= 200


def test_polygons_of_another_scene_are_left_out(made, tmp_path):
    shapes = [shapely.box(50, 50, 150, 150), shapely.box(200, 50, 300, 150)]
    fields = {"class": ["open_water"] * 2, "scene": [made.name, "S1B_another"]}
    found = plan(made, write(tmp_path / "p.gpkg", shapes, made, **fields))
    assert set(found.patches[32].polygon) == {0}
    assert found.counts["polygons_outside"] == 1


def test_patches_without_data_or_near_the_coast_are_dropped_and_counted(made):
    far = plan(made, made.chart, STAGES, sizes=(16,), strides=(8,), coast=0.0)
    near = plan(made, made.chart, STAGES, sizes=(16,), strides=(8,), coast=800.0)
    placed = near.patches[16]
    land = made.field.cells[0]
    boxes = shapely.box(placed.col, placed.row, placed.col + 16, placed.row + 16)
    assert shapely.distance(boxes, land).min() >= 20 - 0.8  # 800 m are 20 pixels.
    assert far.counts["patches_near_coast"] == 0
    gone = len(far.patches[16]) - len(placed)
    assert near.counts["patches_near_coast"] == gone > 0
    assert placed.col.min() >= 8
    assert placed.col.max() + 16 <= 492
    assert near.counts["patches_with_nodata"] > 0


def test_a_chart_labels_by_the_stage_that_dominates_a_polygon(made):
    found = plan(made, made.chart, STAGES, sizes=(16,), strides=(8,))
    placed = found.patches[16]
    stage_of = {
        "open_water": "water",
        "newly_formed_ice": "new_ice",
        "brash_pancake_ice": "new_ice",
        "young_ice": "young_ice",
        "thin_to_medium_first_year_ice": "thin_first_year_ice",
        "thick_or_deformed_ice": "thick_first_year_ice",
    }
    assert len(set(placed.polygon)) == 10  # 12 but for land and the mixed one.
    for polygon in set(placed.polygon):
        planted = UIT_SEA_ICE.names[made.field.classes[polygon]]
        expected = AI4ARCTIC_STAGES.id_of(stage_of[planted])
        assert set(placed.label[placed.polygon == polygon]) == {expected}
    assert not np.isin([0, 1], placed.polygon).any()
    assert found.counts["polygons_without_class"] == 2


def test_rasters_lie_on_a_grid_where_the_chart_decides_enough(made):
    most = plan(made, made.chart, RASTERS, sizes=(64,), strides=(64,), known=0.5)
    strict = plan(made, made.chart, RASTERS, sizes=(64,), strides=(64,), known=1.0)
    region = made.field.region_at(0, 600)
    for found, known in ((most, 0.5), (strict, 1.0)):
        placed = found.patches[64]
        for row in range(0, 600 - 63, 64):
            for col in range(64, 500 - 63 - 8, 64):
                part = region[row : row + 64, col : col + 64]
                here = (placed.row == row) & (placed.col == col)
                wanted = (part != 0).mean() >= known and not (part == 0).any()
                assert here.any() == wanted


# What is wrong --------------------------------------------------------------------


def test_polygons_outside_the_scene_are_an_error(made, tmp_path):
    shape = shapely.box(4000, 4000, 4100, 4100)
    file = write(tmp_path / "p.gpkg", [shape], made, **{"class": ["open_water"]})
    with pytest.raises(ValueError, match=r"must lie on scene 'S1A.*none of 1 does"):
        plan(made, file)


def test_a_missing_field_and_unknown_classes_are_errors(made, tmp_path):
    shape = [shapely.box(50, 50, 150, 150)]
    file = write(tmp_path / "p.gpkg", shape, made, **{"class": ["slush"]})
    with pytest.raises(ValueError, match=r"'uit_sea_ice'.*'slush'"):
        plan(made, file)
    with pytest.raises(ValueError, match="must have the field 'kind'"):
        plan(made, file, Labelling(kind="class", legend=UIT_SEA_ICE, field="kind"))


def test_a_crosswalk_names_classes_and_leaves_out(made, tmp_path):
    shapes = [shapely.box(50, 50, 150, 150), shapely.box(200, 50, 300, 150)]
    file = write(tmp_path / "p.gpkg", shapes, made, code=[7, 9])
    (tmp_path / "c.csv").write_text("value,class\n7,young_ice\n9,\n")
    labelling = Labelling(
        kind="class",
        legend=UIT_SEA_ICE,
        field="CODE",
        crosswalk=read_crosswalk(str(tmp_path / "c.csv")),
    )
    found = plan(made, file, labelling)
    assert set(found.patches[32].polygon) == {0}
    assert found.counts["polygons_without_class"] == 1
    (tmp_path / "c.csv").write_text("a,b\n1,2\n")
    with pytest.raises(ValueError, match="columns value and class"):
        read_crosswalk(str(tmp_path / "c.csv"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"sizes": (10, 20), "strides": (10,)}, "must have a stride"),
        ({"sizes": (10, 10), "strides": (1, 2)}, "must differ"),
        ({"sizes": (0,), "strides": (1,)}, "must be positive"),
        ({"margin": -1.0}, "must not be negative"),
    ],
)
def test_settings_that_make_no_sense_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Cutting(**settings)


# Splits ---------------------------------------------------------------------------


def test_polygons_stay_whole_and_sizes_agree(made):
    plans = [plan(made, made.polygons, sizes=(10, 20), strides=(10, 10))]
    shares = {"train": 0.6, "validation": 0.2, "test": 0.2}
    splits = split_patches(plans, "polygon", shares)
    split_of = {}
    for size, placed in plans[0].patches.items():
        names = splits[size][str(made.product)]
        for polygon, name in zip(placed.polygon.tolist(), names.tolist(), strict=True):
            assert split_of.setdefault(polygon, name) == name
    assert set(split_of.values()) == set(shares)


def test_patches_that_share_a_pixel_must_not_part(made):
    found = plan(made, made.polygons, sizes=(20,), strides=(10,))
    names = np.array(["train", "test"])[np.arange(len(found.patches[20])) % 2]
    with pytest.raises(ValueError, match="share a pixel must be in one split"):
        check_splits([found], {20: {str(made.product): names}})


def test_too_few_scenes_for_the_splits_are_an_error(made):
    plans = [plan(made, made.polygons)]
    with pytest.raises(ValueError, match=r"none fell to .*too few scenes"):
        split_patches(plans, "scene", {"train": 0.5, "test": 0.5})


# Pairs of scenes and polygon files ------------------------------------------------


def timed(name):
    return Timed(path="/x/" + name, name=name, time=time_in_name(name))


SCENES = [
    timed("S1A_EW_GRDM_1SDH_20180116T075430_20180116T075530_020177_0226B9_9FE3"),
    timed("S1B_EW_GRDM_1SDH_20180213T175444_20180213T175544_009608_011511_8266"),
    timed("S1A_EW_GRDM_1SDH_20180313T181225_20180313T181325_021000_0240E1_8163"),
]


def test_times_are_read_off_names():
    utc = datetime.UTC
    for name, time in (
        (
            "seaice_s1_20180116t075430",
            datetime.datetime(2018, 1, 16, 7, 54, 30, 0, utc),
        ),
        ("cis_SGRDREA_20201102T1800", datetime.datetime(2020, 11, 2, 18, 0, 0, 0, utc)),
        ("chart_20201102", datetime.datetime(2020, 11, 2, 12, 0, 0, 0, utc)),
        ("chart_20201399", None),
        ("land", None),
    ):
        assert time_in_name(name) == time, name


def test_files_go_by_product_name_then_by_time_and_the_rest_is_listed():
    files = [
        timed(SCENES[2].name + "_ice"),
        timed("seaice_s1_20180116t075430"),
        timed("seaice_s1_20180213t190000"),
        timed("land"),
    ]
    found = pair_up(SCENES, files, max_gap_minutes=60)
    pairs = {pair.scene: pair for pair in found.pairs}
    assert list(pairs) == [SCENES[0].path, SCENES[2].path]
    assert pairs[SCENES[2].path].by_name
    assert pairs[SCENES[0].path].gap_minutes == 0
    assert found.scenes == (SCENES[1].path,)
    assert found.polygons == ("/x/land", "/x/seaice_s1_20180213t190000")
    wider = pair_up(SCENES, files, max_gap_minutes=66)
    assert len(wider.pairs) == 3
    assert wider.pairs[-1].gap_minutes == pytest.approx(65 + 16 / 60)


def test_two_files_for_a_scene_and_none_at_all_are_errors():
    twice = [timed("a_20180116t075430"), timed("b_20180116t075500")]
    with pytest.raises(ValueError, match="must go with one polygon file"):
        pair_up(SCENES, twice, max_gap_minutes=60)
    with pytest.raises(ValueError, match="no polygon file goes with a scene"):
        pair_up(SCENES, [timed("a_20190116t075430")], max_gap_minutes=60)


# The real chart -------------------------------------------------------------------


def test_a_real_chart_is_read_and_its_land_is_known(shared_data):
    chart = shared_data / "ice_charts" / "cis_SGRDREA_20201102T.gpkg"
    file = read_polygons(chart)
    labels = read_labels(file, STAGES)
    assert len(file.shapes) == 432
    assert (
        labels.land.sum() == 128 + 7
    )  # Land and ice shelf, of 296 I, 128 L, 7 S, 1 W.
    assert (labels.label[labels.land] == UNLABELLED).all()
    water = [v == "W" for v in file.fields["POLY_TYPE"]]
    assert labels.label[water].tolist() == [AI4ARCTIC_STAGES.id_of("water")]
    assert shapely.is_valid(file.shapes).all()
