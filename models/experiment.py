"""What an experiment is: a data set, a model, and how the one learns from the other."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable
from typing import Literal

import keras
import tensorflow_datasets as tfds

from models import experiments, training
from models.class_weights import Weighting
from tfds_eo.legends import Legend


@dataclasses.dataclass(frozen=True, kw_only=True)
class FineTuning:
    """A second phase of training, from the best weights of the first.

    Attributes:
        frozen_blocks: Blocks of a VGG-16, from the first, that stay as they are.
        optimizer: Makes its optimizer for a number of steps over all its epochs.
        epochs: Most passes over the training split.
    """

    frozen_blocks: int
    optimizer: Callable[[int], keras.optimizers.Optimizer]
    epochs: int


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One result that we claim, as code.

    Attributes:
        name: Name of its module in `models.experiments`.
        dataset: Name of the data set for `tfds.builder`, with its config if it has one.
        legend: Classes of the target, of the first of several; None for those that the
            data set names, where no publication does.
        bands: What the last dimension of the image or series input is, in order.
        units: Unit of the bands.
        inputs: Features that the model reads.
        model: Makes the untrained model for a data set.
        optimizer: Makes the optimizer for a number of steps over all epochs.
        batch_size: Examples of a batch over all replicas.
        epochs: Most passes over the training split.
        patience: Epochs without a better macro-F1 of validation before training stops.
        seed: Decides initial weights, order and dropout.
        target: Feature that is learnt, or several, which may be rasters.
        train: Split that is learnt from.
        validation: Split that decides which epoch was best.
        class_weights: How much an example of a rare class counts.
        augmentations: Make layers from a dict of inputs to such a dict, which only
            training applies.
        sampling: Whether an epoch has the examples as they are, or as many of every
            class by drawing rare ones again.
        window: Rows and columns of the windows that the patches are cut into, each with
            the class of the target's raster that fills it; None to leave them whole.
        scores: Computes scores from the confusion matrix of each target.
        decisive: Which of them, of validation, says what epoch is best.
        fine_tuning: What comes after training, if anything.

    Raises:
        ValueError: If a number is below 1, the seed below 0, or there are no inputs.
    """

    name: str
    dataset: str
    legend: Legend | None
    bands: tuple[str, ...]
    units: str
    inputs: tuple[str, ...]
    model: Callable[[tfds.core.DatasetInfo], keras.Model]
    optimizer: Callable[[int], keras.optimizers.Optimizer]
    batch_size: int
    epochs: int
    patience: int
    seed: int = 0
    target: str | tuple[str, ...] = "label"
    train: str = "train"
    validation: str = "validation"
    class_weights: Weighting = "none"
    augmentations: tuple[Callable[[], keras.layers.Layer], ...] = ()
    sampling: Literal["as_is", "balanced"] = "as_is"
    window: int | None = None
    scores: training.Scorer = training.scores_of_one
    decisive: str = "macro_f1"
    fine_tuning: FineTuning | None = None

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "patience"):
            if getattr(self, name) < 1:
                raise ValueError(
                    f"{name} of experiment {self.name!r} must be at least 1; got"
                    f" {getattr(self, name)}"
                )
        if self.seed < 0:
            raise ValueError(
                f"seed of experiment {self.name!r} must not be negative; got"
                f" {self.seed}"
            )
        if not self.inputs:
            raise ValueError(f"experiment {self.name!r} must have inputs; it has none")


def find(name: str) -> Experiment:
    """Returns the experiment called ``name``.

    Raises:
        ValueError: If there is none of this name.
    """
    if name not in experiments.NAMES:
        raise ValueError(
            f"no experiment is called {name!r}; there are"
            f" {', '.join(experiments.NAMES)}"
        )
    return importlib.import_module(f"models.experiments.{name}").experiment()
