"""Figures of how a model learned and what it confuses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from tfds_eo.figures import FAINT, INK, head_figure, styled
from tfds_eo.legends import Legend

SHARES = LinearSegmentedColormap.from_list(
    "shares", ["#ffffff", "#d8e6f3", "#8fbbdc", "#3d84bf", "#0f4c86"]
)
"""Colours of shares from 0 to 1: white to blue, evenly darker."""

TRAIN, VALIDATION = "#8a8a8a", "#d1495b"
"""Colours of the two learning curves of a panel."""


def confusion_figure(
    confusion: npt.NDArray[np.integer],
    legend: Legend,
    *,
    title: str = "",
    simulated: bool = False,
) -> Figure:
    """Draws a confusion matrix: counts in cells, coloured by their share of the row.

    Args:
        confusion: Number of examples, ``[true class, predicted class]``.
        legend: Titles of the classes.
        title: Title of the figure.
        simulated: Whether to say that the data are made.

    Raises:
        ValueError: If the matrix does not fit the legend.
    """
    confusion = np.asarray(confusion)
    count = len(legend)
    if confusion.shape != (count, count):
        raise ValueError(
            f"a confusion matrix of legend {legend.name!r} must be {(count, count)};"
            f" got {confusion.shape}"
        )
    rows = confusion.sum(axis=1, keepdims=True)
    shares = np.divide(confusion, rows, out=np.zeros(confusion.shape), where=rows > 0)
    with styled():
        side = 0.56 * count
        figure = Figure(figsize=(side + 3.0, side * 0.86 + 2.2), layout="constrained")
        ax = figure.add_subplot()
        image = ax.imshow(shares, cmap=SHARES, vmin=0, vmax=1, aspect="auto")
        ax.grid(visible=False)
        ax.set_xticks(
            range(count), legend.titles, rotation=45, ha="left", rotation_mode="anchor"
        )
        ax.set_xticks(np.arange(-0.5, count), minor=True)
        ax.set_yticks(range(count), legend.titles)
        ax.set_yticks(np.arange(-0.5, count), minor=True)
        ax.grid(which="minor", color="#e2e2e2", linewidth=0.7)
        ax.tick_params(which="minor", length=0)
        ax.xaxis.tick_top()
        ax.xaxis.set_label_position("top")
        ax.spines[:].set_visible(False)
        ax.set_xlabel("predicted class", labelpad=8)
        ax.set_ylabel("true class", labelpad=8)
        for row, column in np.argwhere(confusion).tolist():
            _write_count(ax, row, column, confusion[row, column], shares[row, column])
        for row in np.flatnonzero(rows[:, 0] == 0).tolist():
            ax.text(
                0, row, "none in this split", color=FAINT, fontsize=8, va="center",
                ha="left", fontstyle="italic",
            )  # fmt: skip
        bar = figure.colorbar(
            image, ax=ax, orientation="horizontal", shrink=0.35, aspect=30, pad=0.02,
            format=PercentFormatter(1.0), ticks=[0, 0.25, 0.5, 0.75, 1],
        )  # fmt: skip
        bar.outline.set_visible(False)
        bar.set_label("share of the true class", fontsize=9)
        head_figure(figure, title, simulated=simulated)
    return figure


def f1_figure(
    f1: Mapping[str, Sequence[float]],
    legend: Legend,
    *,
    title: str = "",
    simulated: bool = False,
) -> Figure:
    """Draws a bar for the F1 of each class, best first; splits stand side by side.

    Args:
        f1: F1 of each class by id, for each split; NaN where a class is absent. The
            first split decides the order.
        legend: Titles and colours of the classes.
        title: Title of the figure.
        simulated: Whether to say that the data are made.
    """
    splits = {name: np.asarray(values, float) for name, values in f1.items()}
    first = next(iter(splits.values()))
    order = np.argsort(-np.nan_to_num(first, nan=-1.0), kind="stable")
    places = np.arange(len(order))
    with styled():
        figure = Figure(
            figsize=(2.2 + 3.6 * len(splits), 0.31 * len(order) + 1.5),
            layout="constrained",
        )
        axes = figure.subplots(1, len(splits), sharey=True, squeeze=False)[0]
        for ax, (name, values) in zip(axes, splits.items(), strict=True):
            lengths = np.nan_to_num(values[order])
            ax.barh(
                places, lengths, height=0.72, linewidth=0.6, edgecolor="#6b6b6b",
                color=[legend.colours[k] for k in order],
            )  # fmt: skip
            for place, k in enumerate(order):
                absent = np.isnan(values[k])
                ax.text(
                    lengths[place] + 0.015,
                    place,
                    "absent" if absent else f"{values[k]:.2f}",
                    va="center",
                    fontsize=8.5,
                    color=FAINT if absent else INK,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8},
                )
            mean = float(np.nanmean(values)) if not np.isnan(values).all() else np.nan
            ax.axvline(mean, color=INK, lw=1, ls=(0, (3, 3)), zorder=0.5)
            ax.set_title(f"{name}: mean {mean:.3f}")
            ax.set_xlim(0, 1.1)
            ax.margins(y=0.02)
            ax.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
            ax.set_xlabel("F1")
            ax.grid(visible=False, axis="y")
            ax.spines["left"].set_visible(False)
        axes[0].set_yticks(places, [legend.titles[k] for k in order])
        axes[0].invert_yaxis()
        head_figure(figure, title, simulated=simulated)
    return figure


def learning_figure(
    history: Sequence[Mapping[str, float]],
    *,
    title: str = "",
    simulated: bool = False,
) -> Figure:
    """Draws a panel for each measure that was taken after every epoch.

    ``loss`` and ``validation_loss`` (or ``val_loss``) share a panel. Numbers that
    count or time something (``epoch``, ``seconds``...) are left out.

    Args:
        history: Measures of each epoch, by name.
        title: Title of the figure.
        simulated: Whether to say that the data are made.

    Raises:
        ValueError: If no epoch was measured.
    """
    curves = _curves_of(history)
    if not curves:
        raise ValueError(
            "learning curves must have an epoch with a loss, accuracy or F1; got"
            f" {list(history)!r}"
        )
    with styled():
        figure = Figure(
            figsize=(max(3.6 * len(curves), 5.0), 3.1), layout="constrained"
        )
        axes = figure.subplots(1, len(curves), squeeze=False)[0]
        for ax, (measure, found) in zip(axes, curves.items(), strict=True):
            for name, (epochs, values) in found.items():
                colour = TRAIN if name == "train" else VALIDATION
                ax.plot(epochs, values, color=colour, lw=2, marker="o", ms=3.5)
            _label_ends(ax, found)
            _mark_best(ax, measure, found)
            ax.set_title(measure.replace("_", " ").replace("f1", "F1"))
            ax.set_xlabel("epoch")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        head_figure(figure, title, simulated=simulated)
    return figure


# Private -------------------------------------------------------------------------

_Curve = tuple[list[int], list[float]]

_PREFIXES = {"validation_": "validation", "val_": "validation", "train_": "train"}

_MEASURES = ("loss", "accuracy", "macro_f1")


def _write_count(ax: Axes, row: int, column: int, count: int, share: float) -> None:
    ax.text(
        column,
        row,
        f"{count:,}",
        ha="center",
        va="center",
        fontsize=8 if count < 100_000 else 7,
        color="white" if share > 0.55 else INK,
        fontweight="bold" if row == column else "normal",
    )


def _curves_of(
    history: Sequence[Mapping[str, float]],
) -> dict[str, dict[str, _Curve]]:
    """Sorts measures by what they measure, then by where; epochs count from 1."""
    curves: dict[str, dict[str, _Curve]] = {}
    for number, measures in enumerate(history, start=1):
        for key, value in measures.items():
            prefix = next((p for p in _PREFIXES if key.startswith(p)), "")
            measure = key.removeprefix(prefix)
            if measure in _MEASURES:
                found = curves.setdefault(measure, {})
                epochs, values = found.setdefault(
                    _PREFIXES.get(prefix, "train"), ([], [])
                )
                epochs.append(number)
                values.append(float(value))
    return {measure: curves[measure] for measure in _MEASURES if measure in curves}


def _label_ends(ax: Axes, found: Mapping[str, _Curve]) -> None:
    """Names each curve at its last point, far enough from the other one."""
    low, high = ax.get_ylim()
    ends = sorted((values[-1], name) for name, (_, values) in found.items())
    places = [value for value, _ in ends]
    least = 0.08 * (high - low)
    if len(places) == 2 and places[1] - places[0] < least:
        middle = sum(places) / 2
        places = [middle - least / 2, middle + least / 2]
    for place, (_, name) in zip(places, ends, strict=True):
        ax.annotate(
            name,
            (max(found[name][0]), place),
            xytext=(10, 0),
            textcoords="offset points",
            va="center",
            fontsize=9,
            color="#6b6b6b" if name == "train" else VALIDATION,
            annotation_clip=False,
        )


def _mark_best(ax: Axes, measure: str, found: Mapping[str, _Curve]) -> None:
    """Puts a ring round the best epoch of the validation split."""
    if "validation" not in found:
        return
    epochs, values = found["validation"]
    best = int(np.argmin(values) if measure == "loss" else np.argmax(values))
    ax.plot(
        epochs[best], values[best], marker="o", ms=9, mfc="none", mec=VALIDATION,
        mew=1.4, label="best",
    )  # fmt: skip
