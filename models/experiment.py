"""What an experiment is: a data set, a model, and how the one learns from the other."""

from __future__ import annotations

import dataclasses
import importlib
from collections.abc import Callable

import keras
import tensorflow_datasets as tfds

from models import experiments
from models.class_weights import Weighting
from tfds_eo.legends import Legend


@dataclasses.dataclass(frozen=True, kw_only=True)
class Experiment:
    """One result that we claim, as code.

    Attributes:
        name: Name of its module in `models.experiments`.
        dataset: Name of the data set for `tfds.builder`, with its config if it has one.
        legend: Classes of the target.
        bands: What the last dimension of the image or series input is, in order.
        units: Unit of the bands.
        inputs: Features that the model reads.
        model: Makes the untrained model for a data set.
        optimizer: Makes the optimizer for a number of steps over all epochs.
        batch_size: Examples of a batch over all replicas.
        epochs: Most passes over the training split.
        patience: Epochs without a better macro-F1 of validation before training stops.
        seed: Decides initial weights, order and dropout.
        target: Feature that is learnt.
        train: Split that is learnt from.
        validation: Split that decides which epoch was best.
        class_weights: How much an example of a rare class counts.
        augmentations: Make layers from a dict of inputs to such a dict, which only
            training applies.

    Raises:
        ValueError: If a number is below 1, the seed below 0, or there are no inputs.
    """

    name: str
    dataset: str
    legend: Legend
    bands: tuple[str, ...]
    units: str
    inputs: tuple[str, ...]
    model: Callable[[tfds.core.DatasetInfo], keras.Model]
    optimizer: Callable[[int], keras.optimizers.Optimizer]
    batch_size: int
    epochs: int
    patience: int
    seed: int = 0
    target: str = "label"
    train: str = "train"
    validation: str = "validation"
    class_weights: Weighting = "none"
    augmentations: tuple[Callable[[], keras.layers.Layer], ...] = ()

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
