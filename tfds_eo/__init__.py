"""Earth observation data sets for TensorFlow: import it, then use `tfds.load`."""

from tfds_eo.s1_ice_patches import s1_ice_patches_dataset_builder as _s1_ice_patches
from tfds_eo.s2_crop_series import s2_crop_series_dataset_builder as _s2_crop_series
from tfds_eo.time_sen2_crop import time_sen2_crop_dataset_builder as _time_sen2_crop

BUILDERS = (
    _time_sen2_crop.Builder,
    _s2_crop_series.Builder,
    _s1_ice_patches.Builder,
)
"""Every builder that TFDS finds once this package is imported."""
