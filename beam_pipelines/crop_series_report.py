"""The report of a build of crop series: one HTML file that needs nothing else."""

from __future__ import annotations

import collections
import datetime
import html
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import dates as mdates
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from models.report import svg_data_uri
from tfds_eo.figures import INK, head_figure, styled
from tfds_eo.geo.sampling import Counts
from tfds_eo.s2_crop_series import summary, work
from tfds_eo.s2_crop_series.candidates import LEGEND, SPLITS, TileCounts
from tfds_eo.s2_crop_series.summary import STEP_DAYS, Summary
from tfds_eo.s2_crop_series.work import WorkFolder
from tfds_eo.schemas import CONDITIONS
from tfds_eo.sensors.sentinel2_catalogue import Catalogue

MOST_POINTS = 20_000
"""Most samples that the map shows."""

CONDITION_COLOURS = {
    "clear": "#5aa469",
    "cloud": "#b9bec4",
    "shadow": "#54585d",
    "snow": "#9fd0ea",
}
"""Colours of `CONDITIONS`."""

SPLIT_MARKS = {"train": "o", "validation": "s", "test": "^", "holdout": "D"}
"""Marks of splits on the map."""

REASONS = {
    "no_crop": "parcels that the crosswalk leaves out",
    "in_another_tile": "parcels that another tile has",
    "near_another_split": "parcels too near to a tile of another split",
    "without_outline": "parcels without outline",
    "without_area": "parcels without area",
    "repaired": "parcels whose outline was repaired (kept)",
    "too_small": "parcels of which erosion leaves nothing",
    "no_pure_pixel": "parcels without a pixel that is wholly theirs",
    "too_few_pixels": "parcels with too few pixels",
    "parcels_overlap": "pixels in more than one parcel",
    "between_squares": "pixels in the buffer between squares",
    "broken": "products that are broken",
    "cloudy": "products above the cloud limit",
    "superseded": "products processed again since",
    "off_season": "products of another season",
    "other_level": "products of another level",
    "unreadable": "dates left out because a block could not be read",
}
"""What was dropped, in words."""


def write_report(
    path: str,
    folder: WorkFolder,
    catalogue: Catalogue,
    counts: Sequence[TileCounts],
    allocation: Counts,
    broken: Mapping[str, Mapping[int, str]],
) -> str:
    """Writes the report.

    Args:
        path: Where to.
        folder: The work folder of the build.
        catalogue: Its products.
        counts: What was counted in each tile.
        allocation: Samples of each class in each tile.
        broken: Days of each tile that are left out, and why.

    Returns:
        The path.
    """
    tiles = [series.grid.tile for series in catalogue.tiles]
    found = summary.summarise(folder.path, tiles, broken)
    made = catalogue.simulated
    title = f"Crop series from {len(tiles)} tiles: {int(allocation.sum()):,} samples"
    note = (
        '<p class="made"><strong>Simulated data.</strong> The images and parcels were'
        " made by a program, not observed.</p>"
        if made
        else ""
    )
    sections = [
        _picture("Where the samples lie", _map(found, made)),
        _picture("Samples by class and tile", _bars(counts, allocation, made)),
        _allocation(counts, allocation),
        _picture("NDVI of each class on clear days", _curves(found, made)),
        _picture("Dates, and what they show", _dates(found, made)),
        _dropped(catalogue, counts, broken),
        _unmapped(counts),
        _broken(catalogue, broken),
    ]
    page = (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f"<title>{html.escape(title)}</title>\n<style>{_CSS}</style>\n</head>\n<body>"
        f"<main>\n<h1>{html.escape(title)}</h1>\n{note}\n"
        + "\n".join(section for section in sections if section)
        + "\n</main></body>\n</html>\n"
    )
    with work.whole_file(path) as file:
        file.write(page.encode("utf-8"))
    return path


# Private: figures ----------------------------------------------------------------


def _map(found: Summary, made: bool) -> Figure:
    with styled():
        figure = Figure(figsize=(9, 6.5), layout=_layout())
        axes = figure.add_subplot()
        places = found.places
        count = len(places["label"])
        shown = np.random.default_rng(0).permutation(count)[:MOST_POINTS]
        colours = np.array(LEGEND.colours)
        for number, split in enumerate(SPLITS):
            mine = shown[places["split"][shown] == number]
            if len(mine):
                axes.scatter(
                    places["longitude"][mine],
                    places["latitude"][mine],
                    c=colours[places["label"][mine]],
                    marker=SPLIT_MARKS[split],
                    s=9,
                    linewidths=0,
                    label=split,
                )
        if count:
            axes.set_aspect(1 / np.cos(np.radians(np.mean(places["latitude"]))))
            axes.legend(title="split", labelcolor=INK, fontsize=8)
        axes.set_xlabel("longitude in degrees")
        axes.set_ylabel("latitude in degrees")
        title = f"{len(shown):,} of {count:,} samples, in the colours of their classes"
        head_figure(figure, title, simulated=made)
    return figure


def _bars(counts: Sequence[TileCounts], allocation: Counts, made: bool) -> Figure:
    with styled():
        figure = Figure(figsize=(9, 5), layout=_layout())
        axes = figure.add_subplot()
        at = np.arange(len(LEGEND))
        before = np.zeros(len(LEGEND))
        shades = np.linspace(0.45, 1.0, max(len(counts), 1))
        for number, one in enumerate(counts):
            axes.barh(
                at,
                allocation[:, number],
                left=before,
                color=LEGEND.colours,
                alpha=float(shades[number]),
                edgecolor="white",
                linewidth=0.5,
                label=one.tile,
            )
            before = before + allocation[:, number]
        axes.set_yticks(at, LEGEND.titles)
        axes.invert_yaxis()
        axes.set_xlabel("samples")
        tiles = ", ".join(c.tile for c in counts[:6]) + (", ..." * (len(counts) > 6))
        head_figure(figure, f"From light to dark: {tiles}", simulated=made)
    return figure


def _curves(found: Summary, made: bool) -> Figure:
    with styled():
        figure = Figure(figsize=(9, 7), layout=_layout())
        panels = figure.subplots(4, 4, sharex=True, sharey=True)
        days = found.first_day + STEP_DAYS * (np.arange(found.ndvi.shape[1]) + 0.5)
        for label, axes in enumerate(np.ravel(panels)):
            mean, spread = found.ndvi[label], found.spread[label]
            there = np.isfinite(mean)
            colour = LEGEND.colours[label]
            axes.fill_between(
                days[there],
                (mean - spread)[there],
                (mean + spread)[there],
                color=colour,
                alpha=0.35,
                linewidth=0,
            )
            axes.plot(days[there], mean[there], color=INK, linewidth=1.2)
            axes.set_title(LEGEND.titles[label], fontsize=9)
            axes.set_ylim(-0.1, 1)
            axes.xaxis.set_major_locator(mdates.MonthLocator(bymonth=(9, 1, 5)))
            axes.xaxis.set_major_formatter(mdates.DateFormatter("%b"))
        title = f"Mean and standard deviation in steps of {STEP_DAYS} days"
        head_figure(figure, title, simulated=made)
    return figure


def _dates(found: Summary, made: bool) -> Figure:
    tiles = list(found.conditions)
    with styled():
        figure = Figure(figsize=(9, 1.2 + 0.8 * len(tiles)), layout=_layout())
        panels = np.ravel(figure.subplots(len(tiles), 1, sharex=True, squeeze=False))
        for tile, axes in zip(tiles, panels, strict=True):
            days = np.array(list(found.conditions[tile]), float)
            numbers = np.array(list(found.conditions[tile].values()), float).reshape(
                -1, len(CONDITIONS)
            )
            shares = numbers / np.maximum(numbers.sum(axis=1, keepdims=True), 1)
            below = np.zeros(len(days))
            for code, name in enumerate(CONDITIONS):
                axes.bar(
                    days,
                    shares[:, code],
                    bottom=below,
                    width=3,
                    color=CONDITION_COLOURS[name],
                    label=name,
                )
                below = below + shares[:, code]
            axes.set_ylabel(tile, rotation=0, ha="right", va="center")
            axes.set_yticks([])
            axes.xaxis.set_major_formatter(mdates.DateFormatter("%b %Y"))
        if tiles:
            panels[0].legend(
                ncols=4, fontsize=8, loc="lower right", bbox_to_anchor=(1, 1)
            )
        head_figure(figure, "Share of samples by condition", simulated=made)
    return figure


def _layout() -> ConstrainedLayoutEngine:
    """Returns a layout that leaves room for the mark of simulated data."""
    return ConstrainedLayoutEngine(rect=(0, 0.03, 1, 0.97))


# Private: tables -----------------------------------------------------------------


def _allocation(counts: Sequence[TileCounts], allocation: Counts) -> str:
    head = ["class", *(c.tile for c in counts), "samples", "candidates"]
    rows = []
    for label, title in enumerate(LEGEND.titles):
        cells = [f"{int(n):,}" for n in allocation[label]]
        pixels = sum(c.pixels[label] for c in counts)
        rows.append([title, *cells, f"{int(allocation[label].sum()):,}", f"{pixels:,}"])
    return _table("Allocation", head, rows)


def _dropped(
    catalogue: Catalogue,
    counts: Sequence[TileCounts],
    broken: Mapping[str, Mapping[int, str]],
) -> str:
    totals: collections.Counter[str] = collections.Counter()
    for one in counts:
        totals.update(one.dropped)
        totals.update(one.dropped_pixels)
    totals.update(rejected.reason for rejected in catalogue.rejected)
    totals["unreadable"] = sum(map(len, broken.values()))
    rows = [
        [words, f"{totals[reason]:,}"]
        for reason, words in REASONS.items()
        if totals[reason]
    ]
    rows.append(["parcels read, by tile", f"{sum(c.read for c in counts):,}"])
    return _table("What was dropped, and why", ["what", "number"], rows)


def _unmapped(counts: Sequence[TileCounts]) -> str:
    totals: collections.Counter[str] = collections.Counter()
    for one in counts:
        totals.update(one.unmapped)
    if not totals:
        return ""
    rows = [[code, f"{number:,}"] for code, number in totals.most_common()]
    heading = "Codes that the crosswalk does not have"
    return _table(heading, ["code", "parcels"], rows)


def _broken(catalogue: Catalogue, broken: Mapping[str, Mapping[int, str]]) -> str:
    rows = [
        [rejected.tile, rejected.product, rejected.detail]
        for rejected in catalogue.rejected
        if rejected.reason == "broken"
    ]
    for tile, dates in broken.items():
        for day, text in dates.items():
            date = datetime.date(1970, 1, 1) + datetime.timedelta(days=day)
            rows.append([tile, str(date), text])
    if not rows:
        return ""
    return _table("Broken products", ["tile", "product or date", "what"], rows)


def _table(heading: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    def line(cells: Sequence[str], kind: str) -> str:
        inner = "".join(f"<{kind}>{html.escape(cell)}</{kind}>" for cell in cells)
        return f"<tr>{inner}</tr>"

    body = "".join(line(row, "td") for row in rows)
    return (
        f'<section><h2>{html.escape(heading)}</h2><div class="wide"><table><thead>'
        f"{line(head, 'th')}</thead><tbody>{body}</tbody></table></div></section>"
    )


def _picture(heading: str, figure: Figure) -> str:
    return (
        f"<section><h2>{html.escape(heading)}</h2><figure>"
        f'<img src="{svg_data_uri(figure)}" alt="{html.escape(heading)}"></figure>'
        "</section>"
    )


_CSS = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #242424;
  font: 16px/1.55 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1.5rem 4rem; }
h2 { margin-top: 2.5rem; }
.made { background: #fff4d6; color: #5c4600; padding: .6rem 1rem; border-radius: 6px; }
.wide { overflow-x: auto; }
figure { margin: 0; }
img { max-width: 100%; }
table { border-collapse: collapse; font-size: .9rem; }
th, td { padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #e2e2e2;
  text-align: right; font-variant-numeric: tabular-nums; }
th:first-child, td:first-child { text-align: left; }
"""
