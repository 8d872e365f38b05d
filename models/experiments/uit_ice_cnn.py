"""A small CNN on the UiT patches, split by region.

    tfds-eo train uit_ice_cnn --data_dir DATA --out RUN

No score is claimed. In ``tfds-eo ablate`` on simulated data (48 regions, 591 patches,
8 epochs) the same settings reached macro-F1 1.0000 of validation: the made classes are
so easy that it says nothing of ice. After Khaleghian et al. 2021; layers and settings
are our own choice.
"""

from __future__ import annotations

import keras
import tensorflow_datasets as tfds

from models import ice_cnn, ice_inputs
from models.experiment import Experiment
from tfds_eo import legends

SIZE = 32
"""Rows and columns of the patches."""


def experiment() -> Experiment:
    """Returns the experiment."""
    return Experiment(
        name="uit_ice_cnn",
        dataset=f"uit_sea_ice/{SIZE}x{SIZE}",
        legend=legends.UIT_SEA_ICE,
        bands=("HH", "HV", "incidence_angle"),
        units="sigma-nought in dB, degrees",
        inputs=ice_inputs.INPUTS,
        model=_model,
        optimizer=_optimizer,
        batch_size=64,
        epochs=30,
        patience=6,
        class_weights="root",
        augmentations=ice_inputs.augmentations(),
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    return ice_cnn.ice_cnn(info.features["label"].num_classes, size=SIZE)


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)
