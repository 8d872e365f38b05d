"""Figures of crop series: what they contain, not how they look."""

import matplotlib
import numpy as np
import pytest
from matplotlib import dates as mdates
from matplotlib.colors import to_rgba

from tfds_eo import figures
from tfds_eo.legends import TIME_SEN2_CROP as LEGEND
from tfds_eo.schemas import CONDITIONS, CROP_BANDS, PADDING

FIRST_DAY = 17_500


def series(label, conditions="clear cloud clear snow clear", ndvi=0.5, padded=0):
    """A series, a date every ten days, whose NDVI grows by 0.05 from date to date."""
    condition = [CONDITIONS.index(name) for name in conditions.split()]
    steps = len(condition)
    wanted = ndvi + 0.05 * np.arange(steps)
    reflectance = np.full((steps + padded, len(CROP_BANDS)), 1000, np.uint16)
    near = 1000 * (1 + wanted) / (1 - wanted)
    reflectance[:steps, CROP_BANDS.index("B8A")] = near.round()
    reflectance[steps:] = 0
    return {
        "reflectance": reflectance,
        "condition": np.array(condition + [PADDING["condition"]] * padded, np.uint8),
        "date": np.array([FIRST_DAY + 10 * k for k in range(steps)] + [0] * padded),
        "label": np.int64(label),
    }


def panels_of(figure):
    return [ax for ax in figure.axes if ax.axison]


def lines_of(ax, label):
    return [line for line in ax.get_lines() if line.get_label() == label]


def test_ndvi_is_the_normalised_difference_of_b8a_and_b4():
    pixel = np.zeros(9, np.uint16)
    pixel[CROP_BANDS.index("B8A")], pixel[CROP_BANDS.index("B4")] = 3000, 1000
    assert figures.ndvi(pixel) == 0.5
    assert figures.ndvi(pixel[::-1] * 0 + 1) == 0
    assert np.isnan(figures.ndvi(np.zeros(9, np.uint16)))


def test_each_class_has_a_panel_with_its_title_and_colour_by_id():
    rye, beet = LEGEND.id_of("rye"), LEGEND.id_of("beet")
    figure = figures.crop_series_figure([series(beet), series(rye)], LEGEND)
    panels = panels_of(figure)
    assert [ax.get_title(loc="left") for ax in panels] == ["Rye", "Beet"]
    for ax, label in zip(panels, (rye, beet), strict=True):
        (line,) = lines_of(ax, "clear")
        assert to_rgba(line.get_color()) == to_rgba(LEGEND.colours[label])


def test_the_line_goes_through_clear_dates_and_marks_stand_on_the_others():
    record = series(2, "clear cloud clear snow clear shadow", padded=3)
    (ax,) = panels_of(figures.crop_series_figure([record], LEGEND))
    found = {name: lines_of(ax, name)[0] for name in CONDITIONS}
    steps = {"clear": [0, 2, 4], "cloud": [1], "snow": [3], "shadow": [5]}
    for name, line in found.items():
        days = mdates.date2num(line.get_xdata(orig=True)).round()
        assert days.tolist() == [FIRST_DAY + 10 * step for step in steps[name]]
        wanted = [0.5 + 0.05 * step for step in steps[name]]
        np.testing.assert_allclose(line.get_ydata(), wanted, atol=1e-3)


def test_further_series_of_a_class_are_thin_lines_that_the_key_explains():
    both = figures.crop_series_figure([series(1), series(1, ndvi=0.2)], LEGEND)
    (ax,) = panels_of(both)
    assert len([x for x in ax.get_lines() if x.get_linewidth() == 0.8]) == 1
    words = [text.get_text() for text in both.legends[0].get_texts()]
    assert words == ["clear", "cloud", "shadow", "snow", "more of the class"]
    alone = figures.crop_series_figure([series(1)], LEGEND)
    words = [text.get_text() for text in alone.legends[0].get_texts()]
    assert words == ["clear", "cloud", "shadow", "snow"]


def test_bands_are_drawn_as_reflectance_in_their_own_colours():
    figure = figures.crop_series_figure([series(1)], LEGEND, bands=("B8A", "B4"))
    (ax,) = panels_of(figure)
    near, red = lines_of(ax, "clear")
    np.testing.assert_allclose(near.get_ydata(), [0.3, 0.4, 0.5667], atol=1e-3)
    np.testing.assert_allclose(red.get_ydata(), 0.1)
    assert near.get_color() == figures.BAND_COLOURS[CROP_BANDS.index("B8A")]
    assert ax.get_ylabel() == "reflectance"


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_and_only_they_are_marked(simulated):
    figure = figures.crop_series_figure([series(1)], LEGEND, simulated=simulated)
    marks = [t for t in figure.texts if t.get_text() == figures.SIMULATED]
    assert len(marks) == simulated


def test_with_panel_titles_each_record_has_a_panel():
    figure = figures.crop_series_figure(
        [series(1), series(1), series(1)], LEGEND, panel_titles=["a", "b", "c"]
    )
    assert [ax.get_title(loc="left") for ax in panels_of(figure)] == ["a", "b", "c"]


def test_no_two_labels_of_a_full_figure_overlap():
    records = [series(label) for label in range(len(LEGEND))]
    figure = figures.crop_series_figure(records, LEGEND, simulated=True, title="All")
    figure.draw_without_rendering()
    texts = [*figure.texts, *figure.legends[0].get_texts()]
    if figure._suptitle:
        texts.append(figure._suptitle)
    for ax in panels_of(figure):
        texts += [ax._left_title, ax.yaxis.label]
        texts += [t for t in ax.get_xticklabels() if t.get_text()]
    shown = {id(t): t for t in texts if t.get_visible() and t.get_text()}.values()
    boxes = [(t, t.get_window_extent()) for t in shown]
    boxes = [(t, box) for t, box in boxes if box.width and box.height]
    for place, (one, box) in enumerate(boxes):
        for other, second in boxes[place + 1 :]:
            clash = (one.get_text(), other.get_text())
            assert not box.overlaps(second) or _hidden(one, other), clash


def _hidden(one, other):
    """Labels of inner panels are laid out, but not drawn."""
    hidden = [
        t.axes is not None
        and t in t.axes.get_xticklabels()
        and not t.axes.xaxis.get_tick_params()["labelbottom"]
        for t in (one, other)
    ]
    return any(hidden)


def test_drawing_leaves_the_settings_of_matplotlib_alone():
    before = dict(matplotlib.rcParams)
    figures.crop_series_figure([series(1)], LEGEND)
    assert dict(matplotlib.rcParams) == before


def test_what_cannot_be_drawn_is_refused():
    with pytest.raises(ValueError, match="must have a record; got none"):
        figures.crop_series_figure([], LEGEND)
    with pytest.raises(ValueError, match=r"bands must be among B2, .* got B9"):
        figures.crop_series_figure([series(1)], LEGEND, bands=("B4", "B9"))
