"""Earth observation data sets for TensorFlow: import it, then use `tfds.load`."""

from tfds_eo.time_sen2_crop import time_sen2_crop_dataset_builder as _time_sen2_crop

BUILDERS = (_time_sen2_crop.Builder,)
"""Every builder that TFDS finds once this package is imported."""
