"""VGG-16 on DLR's labelled patches of Belgica Bank, half as wide as the original.

    tfds-eo train dlr_vgg16 --data_dir DATA --out RUN

The classes are those that the prepared files name. No score yet: it was not trained on
any data. Layers and settings are our own choice.
"""

from __future__ import annotations

import keras
import tensorflow_datasets as tfds

from models import augmentation, ice_inputs, vgg16
from models.experiment import Experiment

MEAN = (45.0, 38.0)
"""About the mean of HH and HV in dB; batch normalisation does the rest."""

DEVIATION = (8.0, 8.0)
"""About their standard deviation."""


def experiment() -> Experiment:
    """Returns the experiment."""
    return Experiment(
        name="dlr_vgg16",
        dataset="dlr_sea_ice_semantic/uint16",
        legend=None,
        bands=("HH", "HV"),
        units="digital numbers (amplitude)",
        inputs=ice_inputs.INPUTS,
        model=_model,
        optimizer=_optimizer,
        batch_size=32,
        epochs=20,
        patience=6,
        class_weights="root",
        augmentations=(augmentation.TurnAndFlip,),
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    return vgg16.vgg16(
        info.features["label"].num_classes,
        size=info.features["image"].shape[0],
        width=0.5,
        mean=MEAN,
        standard_deviation=DEVIATION,
        dtype="uint16",
    )


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)
