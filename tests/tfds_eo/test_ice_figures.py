"""Figures of ice show every class in its colour, and say when data are made."""

import matplotlib.colors
import numpy as np
import pytest
import shapely

from tfds_eo import ice_figures, legends
from tfds_eo.figures import SIMULATED


def texts(figure):
    return [
        text.get_text()
        for text in figure.findobj(match=lambda o: hasattr(o, "get_text"))
    ]


def patch(label, level):
    image = np.full((6, 6, 3), level, np.float32)
    image[0, 0] = np.nan
    return {"image": image, "label": label, "scene": b"a"}


def test_patches_are_framed_in_the_colour_of_their_class():
    records = [patch(0, -20), patch(3, -9), patch(3, -8)]
    figure = ice_figures.patches_figure(
        records, legends.UIT_SEA_ICE, simulated=True, title="t"
    )
    shown = [ax for ax in figure.axes if ax.images]
    colours = [
        matplotlib.colors.to_hex(ax.spines["left"].get_edgecolor()) for ax in shown
    ]
    assert colours == [legends.UIT_SEA_ICE.colours[n] for n in (0, 3, 3)]
    found = texts(figure)
    assert {"Open water", "Young ice", SIMULATED} <= set(found)
    # No data is white, the darkest patch black.
    pixels = shown[0].images[0].get_array()
    assert pixels[0, 0].tolist() == [1, 1, 1]
    assert pixels[3, 3].tolist() == [0, 0, 0]


def test_topics_have_the_colours_of_their_numbers_and_white_for_none():
    topics = np.array([[0, 3], [10, 255]], np.uint8)
    record = {"topics": topics, "scene": b"20180116", "row": 256, "col": 0}
    figure = ice_figures.topics_figure(
        [record], legends.DLR_TOPICS.titles[:11], simulated=False, title="t"
    )
    (ax,) = [ax for ax in figure.axes if ax.images]
    pixels = ax.images[0].get_array()
    shown = [matplotlib.colors.to_hex(p) for p in pixels.reshape(-1, 3)]
    known = legends.DLR_TOPICS.colours
    assert shown == [known[0], known[3], known[10], "#ffffff"]
    assert "20180116, 256, 0" in texts(figure)
    assert SIMULATED not in texts(figure)


def test_polygons_are_drawn_by_stage_and_the_key_names_what_is_there():
    types, stages = legends.SIGRID3_POLYGONS, legends.SIGRID3_STAGES
    records = [
        {
            "geometry": shapely.box(n, 0, n + 1, 1).wkb,
            "chart": b"c",
            "polygon_type": types.id_of(kind),
            "stage_a": stages.id_of(stage),
        }
        for n, (kind, stage) in enumerate(
            [("ice", "old_ice"), ("land", "old_ice"), ("ice", "unknown_stage")]
        )
    ]
    figure = ice_figures.polygons_figure(records, simulated=False, title="t")
    (ax,) = figure.axes
    drawn = [matplotlib.colors.to_hex(p.get_facecolor()) for p in ax.patches]
    assert drawn == [
        stages.colours[stages.id_of("old_ice")],
        types.colours[types.id_of("land")],
        types.colours[types.id_of("ice")],
    ]
    assert {"Old ice", "Land", "Ice"} <= set(texts(figure))


def test_scenes_stand_beside_the_rasters_of_their_chart():
    record = {
        "image": np.full((4, 4, 3), 100, np.float32),
        "content": 1,
        "chart": b"seaice_s1_20180116t075430",
        "polygon_type": np.full((4, 4), 2, np.uint8),
        "sic": np.full((4, 4), 10, np.uint8),
        "sod": np.full((4, 4), 255, np.uint8),
        "floe": np.full((4, 4), 3, np.uint8),
    }
    figure = ice_figures.chart_patches_figure([record], simulated=True, title="t")
    shown = [ax.images[0].get_array()[0, 0].tolist() for ax in figure.axes if ax.images]
    assert shown[0] == [100, 100, 100]
    assert matplotlib.colors.to_hex(shown[1]) == legends.SIGRID3_POLYGONS.colours[2]
    assert shown[3] == [1, 1, 1]
    assert matplotlib.colors.to_hex(shown[4]) == legends.AI4ARCTIC_FLOES.colours[3]


@pytest.mark.parametrize(
    "draw",
    [
        ice_figures.polygons_figure,
        ice_figures.chart_patches_figure,
        lambda r, **k: ice_figures.topics_figure(r, [], **k),
        lambda r, **k: ice_figures.patches_figure(r, legends.UIT_SEA_ICE, **k),
    ],
)
def test_a_figure_of_nothing_is_refused(draw):
    with pytest.raises(ValueError, match="must have a record; got none"):
        draw([], simulated=False, title="")
