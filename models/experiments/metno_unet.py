"""A U-Net on MET Norway's patches: concentration, stage and floe size at once.

    tfds-eo train metno_unet --data_dir DATA --out RUN

No score yet: it was not trained on any data. After Khaleghian et al. 2021; layers and
settings are our own choice.
"""

from __future__ import annotations

import keras
import tensorflow_datasets as tfds

from models import augmentation, autoice_metrics, ice_inputs, unet
from models.experiment import Experiment
from tfds_eo import legends


def experiment() -> Experiment:
    """Returns the experiment."""
    return Experiment(
        name="metno_unet",
        dataset="metno_sea_ice/v2_patches",
        legend=legends.AI4ARCTIC_STAGES,
        bands=("HH", "HV", "incidence_angle"),
        units="sigma-nought in dB, degrees",
        inputs=ice_inputs.INPUTS,
        model=_model,
        optimizer=_optimizer,
        batch_size=16,
        epochs=30,
        patience=6,
        class_weights="root",
        target=("sod", "sic", "floe"),
        augmentations=(
            lambda: augmentation.TurnAndFlip(rasters=tuple(autoice_metrics.TARGETS)),
            *ice_inputs.augmentations()[1:],
        ),
        scores=autoice_metrics.autoice_scores,
        decisive="combined",
    )


def _model(info: tfds.core.DatasetInfo) -> keras.Model:
    return unet.unet(size=info.features["image"].shape[0])


def _optimizer(steps: int) -> keras.optimizers.Optimizer:
    """Returns AdamW, its rate falling along half a cosine to a hundredth."""
    rate = keras.optimizers.schedules.CosineDecay(2e-3, steps, alpha=0.01)
    return keras.optimizers.AdamW(rate, weight_decay=1e-4)
