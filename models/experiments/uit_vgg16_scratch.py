"""VGG-16 from scratch on the UiT patches, split by region.

    tfds-eo train uit_vgg16_scratch --data_dir DATA --out RUN

No score is claimed. A trial of 5 epochs on simulated data learnt its training regions
and failed on validation (macro-F1 0.05); the momentum of the batch statistics was then
lowered, and it was not run again. After Khaleghian et al. 2021; layers and settings are
our own choice.
"""

from __future__ import annotations

import dataclasses

import keras
import tensorflow_datasets as tfds

from models import vgg16
from models.experiment import Experiment
from models.experiments import uit_ice_cnn


def experiment() -> Experiment:
    """Returns the experiment: the small CNN's, but for the model and its rate."""
    return dataclasses.replace(
        uit_ice_cnn.experiment(),
        name="uit_vgg16_scratch",
        model=_model,
        optimizer=_optimizer,
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    return vgg16.vgg16(info.features["label"].num_classes, size=uit_ice_cnn.SIZE)


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(1e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)
