"""Figures of confusion, F1 and learning: what they contain."""

import numpy as np
import pytest
from matplotlib.colors import to_rgba

from models import figures
from tfds_eo.figures import SIMULATED
from tfds_eo.legends import legend_of

LEGEND = legend_of(
    "made", [("Rye", "#112233"), ("Beet", "#445566"), ("Winter wheat", "#778899")]
)
CONFUSION = np.array([[1500, 3, 0], [20, 60, 20], [0, 0, 0]])


def texts_of(figure):
    return [t.get_text() for ax in figure.axes for t in ax.texts]


def test_a_cell_has_its_count_and_the_colour_of_its_share_of_the_row():
    figure = figures.confusion_figure(CONFUSION, LEGEND)
    ax = figure.axes[0]
    cells = {t.get_position(): t.get_text() for t in ax.texts}
    assert cells == {
        (0, 0): "1,500",
        (1, 0): "3",
        (0, 1): "20",
        (1, 1): "60",
        (2, 1): "20",
        (0, 2): "none in this split",
    }
    shares = ax.images[0].get_array()
    np.testing.assert_allclose(shares[0], [1500 / 1503, 3 / 1503, 0])
    np.testing.assert_allclose(shares[1:], [[0.2, 0.6, 0.2], [0, 0, 0]])


def test_rows_are_the_truth_and_columns_the_prediction():
    ax = figures.confusion_figure(CONFUSION, LEGEND).axes[0]
    assert (ax.get_ylabel(), ax.get_xlabel()) == ("true class", "predicted class")
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [t.get_text() for t in labels] == LEGEND.titles


def test_a_matrix_of_another_legend_is_refused():
    with pytest.raises(ValueError, match=r"'made' must be \(3, 3\); got \(2, 2\)"):
        figures.confusion_figure(np.eye(2, dtype=int), LEGEND)


def test_bars_are_the_f1_of_each_class_best_first_in_its_colour():
    f1 = {"test": [0.25, 0.75, float("nan")], "later": [0.5, 0.125, 1.0]}
    figure = figures.f1_figure(f1, LEGEND)
    first, second = figure.axes
    names = [t.get_text() for t in first.get_yticklabels()]
    assert names == ["Beet", "Rye", "Winter wheat"]
    order = [1, 0, 2]
    assert [bar.get_width() for bar in first.patches] == [0.75, 0.25, 0]
    assert [bar.get_width() for bar in second.patches] == [0.125, 0.5, 1.0]
    for ax in (first, second):
        colours = [bar.get_facecolor() for bar in ax.patches]
        assert colours == [to_rgba(LEGEND.colours[k]) for k in order]
    assert texts_of(figure) == ["0.75", "0.25", "absent", "0.12", "0.50", "1.00"]
    assert first.get_title(loc="left") == "test: mean 0.500"
    assert second.get_title(loc="left") == "later: mean 0.542"


HISTORY = [
    {"epoch": 1, "loss": 2.0, "val_loss": 2.5, "val_macro_f1": 0.2, "seconds": 9.0},
    {"epoch": 2, "loss": 1.0, "val_loss": 1.5, "val_macro_f1": 0.6, "seconds": 7.0},
    {"epoch": 3, "loss": 0.5, "val_loss": 1.7, "val_macro_f1": 0.5, "seconds": 7.0},
]


def test_each_measure_has_a_panel_with_training_and_validation():
    figure = figures.learning_figure(HISTORY)
    loss, f1 = figure.axes
    assert [ax.get_title(loc="left") for ax in figure.axes] == ["loss", "macro F1"]
    train, validation, _ = loss.get_lines()
    assert train.get_xydata().tolist() == [[1, 2.0], [2, 1.0], [3, 0.5]]
    assert validation.get_ydata().tolist() == [2.5, 1.5, 1.7]
    assert [t.get_text() for t in loss.texts] == ["train", "validation"]
    assert [t.get_text() for t in f1.texts] == ["validation"]


def test_the_ring_is_at_least_loss_and_at_greatest_f1():
    loss, f1 = figures.learning_figure(HISTORY).axes
    rings = [
        [x for x in ax.get_lines() if x.get_label() == "best"] for ax in (loss, f1)
    ]
    assert [ring[0].get_xydata().tolist() for ring in rings] == [[[2, 1.5]], [[2, 0.6]]]


@pytest.mark.parametrize("history", [[], [{"epoch": 1, "seconds": 3.0}]])
def test_curves_of_nothing_are_refused(history):
    with pytest.raises(ValueError, match="must have an epoch"):
        figures.learning_figure(history)


@pytest.mark.parametrize("simulated", [True, False])
def test_simulated_data_and_only_they_are_marked(simulated):
    for figure in (
        figures.confusion_figure(CONFUSION, LEGEND, simulated=simulated),
        figures.f1_figure({"test": [0, 1, 0.5]}, LEGEND, simulated=simulated),
        figures.learning_figure(HISTORY, simulated=simulated),
    ):
        marks = [t for t in figure.texts if t.get_text() == SIMULATED]
        assert len(marks) == simulated


def test_names_of_classes_do_not_overlap():
    figure = figures.confusion_figure(CONFUSION, LEGEND, title="A title")
    figure.draw_without_rendering()
    ax = figure.axes[0]
    rows = [t.get_window_extent() for t in ax.get_yticklabels()]
    cells = [t.get_window_extent() for t in ax.texts]
    for boxes in (rows, cells):
        for place, box in enumerate(boxes):
            assert not any(box.overlaps(other) for other in boxes[place + 1 :])
