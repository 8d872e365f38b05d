"""Figures of records. They are drawn without a display and without global state."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib import dates as mdates
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import ScaledTranslation

from tfds_eo.legends import Legend
from tfds_eo.schemas import CLEAR, CONDITIONS, CROP_BANDS

INK = "#2f2f2f"
"""Colour of text."""

FAINT = "#8a8a8a"
"""Colour of what a reader may overlook: notes and ticks."""

GRID = "#e6e6e6"
"""Colour of grid lines."""

SIMULATED = "simulated data"
"""The mark on everything that was drawn or computed from made data."""

CONDITION_MARKS: dict[str, dict[str, Any]] = {
    "cloud": {"marker": "o", "mfc": "white", "mec": "#9a9a9a", "ms": 4.5},
    "shadow": {"marker": "v", "mfc": "#4a4a4a", "mec": "#4a4a4a", "ms": 4},
    "snow": {"marker": "s", "mfc": "#bfe3f7", "mec": "#3d8fbf", "ms": 4},
}
"""How a date is marked on which the ground is not seen."""

BAND_COLOURS = (
    "#3b6fb6", "#3f9b4f", "#d0342c", "#e8743b", "#f0a23a",
    "#c9b037", "#8f3fa0", "#7a5230", "#3a2a1c",
)  # fmt: skip
"""Colours of `CROP_BANDS`: visible as they look, longer waves in warm and dark ones."""

STYLE: dict[Any, Any] = {
    "axes.edgecolor": "#b5b5b5",
    "axes.facecolor": "white",
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.labelcolor": INK,
    "axes.labelsize": 10,
    "axes.linewidth": 0.8,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlecolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "figure.dpi": 100,
    "figure.facecolor": "white",
    "font.family": "DejaVu Sans",
    "font.size": 10,
    "grid.color": GRID,
    "grid.linewidth": 0.8,
    "savefig.dpi": 100,
    "svg.fonttype": "path",
    "svg.hashsalt": "tfds-eo",
    "text.color": INK,
    "xtick.color": INK,
    "xtick.major.size": 0,
    "xtick.labelsize": 9,
    "ytick.color": INK,
    "ytick.major.size": 0,
    "ytick.labelsize": 9,
}
"""Look of our figures, as settings of matplotlib."""

Record = Mapping[str, Any]
"""A record as `tfds.load` yields it, in NumPy."""


# Public functions ----------------------------------------------------------------


@contextlib.contextmanager
def styled() -> Iterator[None]:
    """Draws what stands inside in our style, and leaves settings as they were."""
    with matplotlib.rc_context(STYLE):
        yield


def ndvi(reflectance: npt.NDArray[np.generic]) -> npt.NDArray[np.float32]:
    """Returns the normalised difference of near infrared (B8A) and red (B4).

    Args:
        reflectance: Bands as in `CROP_BANDS`, ``[..., bands]``.

    Returns:
        Values in [-1, 1], ``[...]``; NaN where both bands are 0.
    """
    values = np.asarray(reflectance, np.float32)
    near = values[..., CROP_BANDS.index("B8A")]
    red = values[..., CROP_BANDS.index("B4")]
    with np.errstate(invalid="ignore", divide="ignore"):
        return (near - red) / (near + red)


def crop_series_figure(
    records: Sequence[Record],
    legend: Legend,
    *,
    bands: Sequence[str] = (),
    simulated: bool = False,
    title: str = "",
    panel_titles: Sequence[str] | None = None,
) -> Figure:
    """Draws crop series over their dates: a panel for each class that has one.

    The first record of a class is drawn with a mark at each cloudy, shadowed or snowy
    date; further ones are thin lines through their clear dates. The marks bear the NDVI
    of their date; where bands are drawn they stand on the lower edge. With
    ``panel_titles`` each record has a panel of its own.

    Args:
        records: Records of `schemas.crop_series`; padded steps are left out.
        legend: Titles and colours of ``label``.
        bands: Bands whose reflectance is drawn; none draws the NDVI.
        simulated: Whether to say that the data are made.
        title: Title of the figure.
        panel_titles: Title of the panel of each record.

    Raises:
        ValueError: If there is no record, or a band is not in `CROP_BANDS`.
    """
    if not records:
        raise ValueError("a figure of crop series must have a record; got none")
    unknown = sorted(set(bands) - set(CROP_BANDS))
    if unknown:
        raise ValueError(
            f"bands must be among {', '.join(CROP_BANDS)}; got {', '.join(unknown)}"
        )
    if panel_titles is None:
        labels = sorted({int(record["label"]) for record in records})
        panels = [[r for r in records if int(r["label"]) == k] for k in labels]
        panel_titles = [legend.titles[label] for label in labels]
    else:
        panels = [[record] for record in records]
    columns = min(4, len(panels))
    rows = math.ceil(len(panels) / columns)
    with styled():
        figure = Figure(
            figsize=(max(3.2 * columns, 7.0), 2.05 * rows + 1.1), layout="constrained"
        )
        axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
        for number, (panel, name) in enumerate(zip(panels, panel_titles, strict=True)):
            row, column = divmod(number, columns)
            ax = axes[row, column]
            colour = legend.colours[int(panel[0]["label"])]
            _draw_panel(ax, panel, colour, bands)
            _title_panel(ax, name, colour)
            # The lowest panel of a column bears the months, also above a gap.
            ax.tick_params(labelbottom=number + columns >= len(panels))
        for ax in axes.flat[len(panels) :]:
            ax.set_axis_off()
        _share_axes(axes, "reflectance" if bands else "NDVI")
        figure.legend(
            handles=_key(bands, several=any(len(panel) > 1 for panel in panels)),
            loc="outside lower center",
            ncols=10,
            frameon=False,
            fontsize=9,
            handletextpad=0.5,
            columnspacing=1.6,
        )
        head_figure(figure, title, simulated=simulated)
    return figure


def head_figure(figure: Figure, title: str, *, simulated: bool) -> None:
    """Gives a figure its title, and the small grey mark of simulated data."""
    if title:
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
    if simulated:
        figure.text(
            0.995, 0.005, SIMULATED, color=FAINT, fontsize=8, ha="right", va="bottom"
        )


# Private -------------------------------------------------------------------------


def _outline() -> list[patheffects.AbstractPathEffect]:
    """A dark edge, so that a pale class colour is seen on white."""
    return [
        patheffects.Stroke(linewidth=3.4, foreground="#555555"),
        patheffects.Normal(),
    ]


def _draw_panel(
    ax: Axes, panel: Sequence[Record], colour: str, bands: Sequence[str]
) -> None:
    for record in panel[1:]:
        days, condition, curves = _curves(record, bands)
        clear = condition == CLEAR
        for values, _ in curves:
            ax.plot(days[clear], values[clear], color="#b0b0b0", lw=0.8, zorder=2)
    days, condition, curves = _curves(panel[0], bands)
    clear = condition == CLEAR
    for values, band_colour in curves:
        ax.plot(
            days[clear],
            values[clear],
            color=band_colour or colour,
            lw=2.2,
            marker="o",
            ms=3.2,
            zorder=4,
            path_effects=None if band_colour else _outline(),
            label="clear",
        )
        for name, mark in CONDITION_MARKS.items():
            seen = condition == CONDITIONS.index(name)
            if seen.any() and not bands:
                ax.plot(
                    days[seen], values[seen], ls="", zorder=3, alpha=0.9, mew=1,
                    label=name, **mark,
                )  # fmt: skip
    for name, mark in CONDITION_MARKS.items() if bands else ():
        # Clouds would outshine the ground: with bands, marks stand on the lower edge.
        seen = condition == CONDITIONS.index(name)
        foot = np.full(int(seen.sum()), 0.03)
        ax.plot(
            days[seen], foot, ls="", zorder=3, mew=1, label=name,
            transform=ax.get_xaxis_transform(), **mark,
        )  # fmt: skip


def _curves(
    record: Record, bands: Sequence[str]
) -> tuple[
    npt.NDArray[Any],
    npt.NDArray[Any],
    Sequence[tuple[npt.NDArray[Any], str | None]],
]:
    """Returns dates, conditions, and values and colour of each curve of a record."""
    # A padded step is of none of `CONDITIONS`: nothing is drawn for it.
    condition = np.asarray(record["condition"])
    days = np.asarray(record["date"]).astype("datetime64[D]")
    reflectance = np.asarray(record["reflectance"])
    if not bands:
        return days, condition, [(ndvi(reflectance), None)]
    places = [CROP_BANDS.index(band) for band in bands]
    curves = [
        (reflectance[:, place].astype(np.float32) / 10_000, BAND_COLOURS[place])
        for place in places
    ]
    return days, condition, curves


def _title_panel(ax: Axes, name: str, colour: str) -> None:
    """Writes a panel's title behind a swatch of the class colour."""
    ax.set_title(name, x=0.06, pad=6, fontsize=10.5)
    ax.plot(
        0.02, 1.0, marker="s", ms=9, mfc=colour, mec="#6b6b6b", mew=0.6,
        transform=ax.transAxes + _points_up(ax, 10), clip_on=False, gid="swatch",
    )  # fmt: skip


def _points_up(ax: Axes, points: float) -> Any:  # noqa: ANN401 - untyped library.
    return ScaledTranslation(0, points / 72, ax.figure.dpi_scale_trans)


def _share_axes(axes: npt.NDArray[Any], quantity: str) -> None:
    """Sets months and values, with labels at the left and lower edge alone."""
    first = axes[0, 0]
    locator = mdates.MonthLocator(bymonth=(1, 3, 5, 7, 9, 11))
    first.xaxis.set_major_locator(locator)
    first.xaxis.set_major_formatter(mdates.ConciseDateFormatter(locator))
    for ax in axes.flat:
        ax.xaxis.get_offset_text().set_visible(False)
        # One baseline for all months, whether or not a letter hangs below it.
        ax.tick_params(axis="x", pad=13)
        for label in ax.get_xticklabels():
            label.set_verticalalignment("baseline")
    if quantity == "NDVI":
        first.set_ylim(-0.22, 1.02)
        first.set_yticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "", ".5", "", "1"])
    else:
        first.set_ylim(bottom=-0.05)
    for ax in axes[:, 0]:
        ax.set_ylabel(quantity)


def _key(bands: Sequence[str], *, several: bool) -> list[Line2D]:
    """Returns the lines of the figure's key, with thin ones if there are several."""
    if bands:
        key = [
            Line2D(
                [], [], color=BAND_COLOURS[CROP_BANDS.index(band)], lw=2.2, label=band
            )
            for band in bands
        ]
    else:
        key = [Line2D([], [], color="#777777", lw=2.2, marker="o", ms=4, label="clear")]
    key += [
        Line2D([], [], ls="", mew=1, label=name, **mark)
        for name, mark in CONDITION_MARKS.items()
    ]
    if several:
        key.append(Line2D([], [], color="#b0b0b0", lw=0.8, label="more of the class"))
    return key
