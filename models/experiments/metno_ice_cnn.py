"""A small CNN on windows of MET Norway's patches, by stage of development.

    tfds-eo train metno_ice_cnn --data_dir DATA --out RUN

No score yet: it was not trained on any data. After Khaleghian et al. 2021; layers and
settings are our own choice.
"""

from __future__ import annotations

import keras
import tensorflow_datasets as tfds

from models import ice_cnn, ice_inputs
from models.experiment import Experiment
from tfds_eo import legends

SIZE = 32
"""Rows and columns of the windows that the patches are cut into."""


def experiment() -> Experiment:
    """Returns the experiment."""
    return Experiment(
        name="metno_ice_cnn",
        dataset="metno_sea_ice/v2_patches",
        legend=legends.AI4ARCTIC_STAGES,
        bands=("HH", "HV", "incidence_angle"),
        units="sigma-nought in dB, degrees",
        inputs=ice_inputs.INPUTS,
        model=_model,
        optimizer=_optimizer,
        batch_size=256,
        epochs=30,
        patience=6,
        class_weights="root",
        target="sod",
        window=SIZE,
        augmentations=ice_inputs.augmentations(),
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    del info  # The classes are those of the legend.
    return ice_cnn.ice_cnn(len(legends.AI4ARCTIC_STAGES), size=SIZE)


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)
