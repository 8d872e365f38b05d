"""VGG-16 with ImageNet weights on the UiT patches, in two phases.

First with all convolutions frozen, then with the last two blocks free. The weights are
the file that ``TFDS_EO_VGG16_WEIGHTS`` names, else Keras downloads them.

    tfds-eo train uit_vgg16_transfer --data_dir DATA --out RUN

No score yet: it was not trained on any data. After Khaleghian et al. 2021; layers and
settings are our own choice.
"""

from __future__ import annotations

import os

import keras
import tensorflow_datasets as tfds

from models import ice_inputs, vgg16
from models.experiment import Experiment, FineTuning
from tfds_eo import legends

SIZE = 32
"""Rows and columns of the patches."""


def experiment() -> Experiment:
    """Returns the experiment."""
    return Experiment(
        name="uit_vgg16_transfer",
        dataset=f"uit_sea_ice/{SIZE}x{SIZE}",
        legend=legends.UIT_SEA_ICE,
        bands=("HH", "HV", "incidence_angle"),
        units="sigma-nought in dB, degrees",
        inputs=ice_inputs.INPUTS,
        model=_model,
        optimizer=_optimizer,
        batch_size=64,
        epochs=10,
        patience=6,
        class_weights="root",
        augmentations=ice_inputs.augmentations(),
        fine_tuning=FineTuning(frozen_blocks=3, optimizer=_slow, epochs=20),
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    return vgg16.vgg16_transfer(
        info.features["label"].num_classes,
        size=SIZE,
        weights=os.environ.get("TFDS_EO_VGG16_WEIGHTS", "imagenet"),
    )


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)


def _slow(steps: int) -> keras.optimizers.Optimizer:
    """Returns the optimizer of the second phase, twenty times slower."""
    rate = keras.optimizers.schedules.CosineDecay(5e-5, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)
