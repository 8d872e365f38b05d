"""Figures of ice records: labelled patches, grids of topics, charts, rasters."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import shapely
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, PathPatch
from matplotlib.path import Path

from tfds_eo import legends, schemas
from tfds_eo.figures import FAINT, Record, head_figure, styled
from tfds_eo.legends import Legend

CLASS_COLOURS = (
    "#4e79a7", "#f28e2b", "#59a14f", "#b07aa1", "#edc948", "#76b7b2",
    "#e15759", "#9c755f", "#ff9da7", "#7f7f7f", "#2f4b7c", "#a0c840",
)  # fmt: skip
"""Colours of classes whose names come from the files: our choice."""


def named_legend(names: Sequence[str]) -> Legend:
    """Returns a legend of classes that are known from the files alone."""
    return legends.legend_of(
        "of_the_files",
        [(n, CLASS_COLOURS[k % len(CLASS_COLOURS)]) for k, n in enumerate(names)],
    )


def patches_figure(
    records: Sequence[Record], legend: Legend, *, simulated: bool, title: str
) -> Figure:
    """Draws patches, a row for each class, framed in the colour of the class.

    Patches are drawn in false colours: red HV, green and blue HH, each stretched from
    its 2nd to its 98th percentile over all patches that are drawn.

    Args:
        records: Records with ``image``, HH and HV first, and ``label``.
        legend: Titles and colours of ``label``.
        simulated: Whether to say that the data are made.
        title: Title of the figure.

    Raises:
        ValueError: If there is no record.
    """
    if not records:
        raise ValueError("a figure of patches must have a record; got none")
    labels = sorted({int(record["label"]) for record in records})
    rows = [[r for r in records if int(r["label"]) == label] for label in labels]
    columns = max(map(len, rows))
    images = _false_colours([np.asarray(r["image"]) for row in rows for r in row])
    with styled():
        figure = Figure(
            figsize=(1.5 * columns + 2.6, 1.4 * len(rows) + 0.8), layout="constrained"
        )
        axes = figure.subplots(len(rows), columns, squeeze=False)
        drawn = iter(images)
        for line, row, label in zip(axes, rows, labels, strict=True):
            for ax, record in zip(line, row, strict=False):
                _show(ax, next(drawn))
                _frame(ax, legend.colours[int(record["label"])])
            for ax in line[len(row) :]:
                ax.set_axis_off()
            line[0].set_ylabel(
                legend.titles[label], rotation=0, ha="right", va="center", labelpad=10
            )
        head_figure(figure, title, simulated=simulated)
    return figure


def topics_figure(
    records: Sequence[Record], names: Sequence[str], *, simulated: bool, title: str
) -> Figure:
    """Draws grids of topics, above them the image where there is one.

    Args:
        records: Records with ``topics``.
        names: Name of each topic by number.
        simulated: Whether to say that the data are made.
        title: Title of the figure.

    Raises:
        ValueError: If there is no record.
    """
    if not records:
        raise ValueError("a figure of topics must have a record; got none")
    known = legends.DLR_TOPICS.colours
    colours = [known[k % len(known)] for k in range(len(names))]
    with_image = "image" in records[0]
    with styled():
        lines = 1 + with_image
        figure = Figure(
            figsize=(2.2 * len(records) + 0.4, 2.2 * lines + 1.4), layout="constrained"
        )
        axes = figure.subplots(lines, len(records), squeeze=False)
        if with_image:
            images = _false_colours([np.asarray(r["image"]) for r in records])
            for ax, image in zip(axes[0], images, strict=True):
                _show(ax, image)
        for ax, record in zip(axes[-1], records, strict=True):
            _show(ax, _coloured(np.asarray(record["topics"]), colours))
            place = record["row"], record["col"]
            text = record["scene"].decode()
            ax.set_xlabel(f"{text}, {place[0]}, {place[1]}", fontsize=8, color=FAINT)
        _key(figure, list(zip(names, colours, strict=True)))
        head_figure(figure, title, simulated=simulated)
    return figure


def chart_patches_figure(
    records: Sequence[Record], *, simulated: bool, title: str
) -> Figure:
    """Draws patches of scenes beside their charts: type, concentration, stage, floe.

    Args:
        records: Records with ``image`` and the rasters of the chart.
        simulated: Whether to say that the data are made.
        title: Title of the figure.

    Raises:
        ValueError: If there is no record.
    """
    if not records:
        raise ValueError("a figure of chart patches must have a record; got none")
    tables = {
        "polygon_type": ("type", legends.SIGRID3_POLYGONS.colours),
        "sic": ("concentration", _tenths()),
        "sod": ("stage", legends.AI4ARCTIC_STAGES.colours),
        "floe": ("floe", legends.AI4ARCTIC_FLOES.colours),
    }
    rgb = schemas.CHART_IMAGES.index("rgb_8bit")
    with styled():
        figure = Figure(figsize=(11, 2.1 * len(records) + 1.6), layout="constrained")
        axes = figure.subplots(len(records), 5, squeeze=False)
        for line, record in zip(axes, records, strict=True):
            image = np.asarray(record["image"], np.float32)
            if int(record["content"]) == rgb:
                _show(line[0], np.nan_to_num(image).astype(np.uint8))
            else:
                _show(line[0], _false_colours([image])[0])
            line[0].set_ylabel(record["chart"].decode()[-15:], fontsize=8, color=FAINT)
            for ax, (name, (_, colours)) in zip(line[1:], tables.items(), strict=True):
                _show(ax, _coloured(np.asarray(record[name]), colours))
        for ax, text in zip(
            axes[0], ["scene", *(text for text, _ in tables.values())], strict=True
        ):
            ax.set_title(text)
        classes = {
            **_pairs(legends.SIGRID3_POLYGONS),
            **_pairs(legends.AI4ARCTIC_STAGES),
        }
        _key(figure, list(classes.items()))
        head_figure(figure, title, simulated=simulated)
    return figure


def polygons_figure(
    records: Sequence[Record], *, simulated: bool, title: str
) -> Figure:
    """Draws the polygons of charts: ice by its first stage, the rest by its type.

    Icebergs, which have no type, are drawn as points or outlines.

    Args:
        records: Records of `schemas.ice_polygon` or `schemas.iceberg`.
        simulated: Whether to say that the data are made.
        title: Title of the figure.

    Raises:
        ValueError: If there is no record.
    """
    if not records:
        raise ValueError("a figure of polygons must have a record; got none")
    charts: dict[str, list[Record]] = {}
    for record in records:
        charts.setdefault(record["chart"].decode(), []).append(record)
    columns = min(4, len(charts))
    lines = math.ceil(len(charts) / columns)
    used: dict[str, str] = {}
    with styled():
        figure = Figure(
            figsize=(max(3.0 * columns, 6.0), 2.8 * lines + 1.4), layout="constrained"
        )
        axes = figure.subplots(lines, columns, squeeze=False)
        for ax, (name, members) in zip(axes.flat, sorted(charts.items()), strict=False):
            for record in members:
                text, colour = _look(record)
                used[text] = colour
                _draw_shape(ax, shapely.from_wkb(record["geometry"]), colour)
            ax.set_aspect("equal")
            ax.autoscale_view()
            ax.set_title(name, fontsize=9)
            ax.set_xticks([])
            ax.set_yticks([])
        for ax in axes.flat[len(charts) :]:
            ax.set_axis_off()
        _key(figure, sorted(used.items()))
        head_figure(figure, title, simulated=simulated)
    return figure


def _look(record: Record) -> tuple[str, str]:
    """Title and colour of a polygon."""
    if "polygon_type" not in record:
        return "Iceberg", legends.SIGRID3_FORMS.colours[-1 - 11]
    types, stages = legends.SIGRID3_POLYGONS, legends.SIGRID3_STAGES
    kind, stage = int(record["polygon_type"]), int(record["stage_a"])
    if kind == types.id_of("ice") and stage:
        return stages.titles[stage], stages.colours[stage]
    return types.titles[kind], types.colours[kind]


def _draw_shape(ax: Axes, shape: shapely.Geometry, colour: str) -> None:
    for part in shapely.get_parts(shape):
        if part.geom_type == "Point":
            ax.plot(
                part.x, part.y, marker="^", ms=4, mfc=colour, mec="#555555", mew=0.4
            )
            continue
        rings = [part.exterior, *part.interiors]
        path = Path.make_compound_path(*[Path(np.asarray(r.coords)) for r in rings])
        ax.add_patch(PathPatch(path, facecolor=colour, edgecolor="#555555", lw=0.4))


def _pairs(legend: Legend) -> dict[str, str]:
    return dict(zip(legend.titles, legend.colours, strict=True))


def _tenths() -> list[str]:
    """Blue for open water to white for ten tenths."""
    return [f"#{40 + 21 * n:02x}{90 + 16 * n:02x}{170 + 8 * n:02x}" for n in range(11)]


def _coloured(
    values: npt.NDArray[np.uint8], colours: Sequence[str]
) -> npt.NDArray[np.float64]:
    """Returns class numbers in colours; white where there is none."""
    table = ListedColormap([*colours, "#ffffff"])
    return table(np.where(values < len(colours), values, len(colours)))[..., :3]


def _false_colours(
    images: Sequence[npt.NDArray],
) -> list[npt.NDArray[np.float64]]:
    """Stretches HH and HV over all images alike; no data is white."""
    stretched = []
    for channel in (1, 0):
        values = [np.asarray(image[..., channel], np.float64) for image in images]
        finite = np.concatenate([v[np.isfinite(v)] for v in values])
        low, high = np.percentile(finite, [2, 98]) if finite.size else (0, 1)
        stretched.append(
            [np.clip((v - low) / max(high - low, 1e-9), 0, 1) for v in values]
        )
    found = []
    for hv, hh in zip(*stretched, strict=True):
        found.append(np.nan_to_num(np.stack([hv, hh, hh], axis=-1), nan=1.0))
    return found


def _show(ax: Axes, image: npt.NDArray) -> None:
    ax.imshow(image, interpolation="nearest")
    ax.set_xticks([])
    ax.set_yticks([])
    ax.grid(visible=False)


def _frame(ax: Axes, colour: str) -> None:
    for spine in ax.spines.values():
        spine.set_visible(True)
        spine.set_color(colour)
        spine.set_linewidth(3.5)


def _key(figure: Figure, pairs: Sequence[tuple[str, str]]) -> None:
    figure.legend(
        handles=[
            Patch(facecolor=colour, edgecolor="#6b6b6b", lw=0.5, label=text)
            for text, colour in pairs
        ],
        loc="outside lower center",
        ncols=min(6, len(pairs)),
        frameon=False,
        fontsize=8,
    )
