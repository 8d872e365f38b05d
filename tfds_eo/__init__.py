"""Earth observation data sets for TensorFlow: import it, then use `tfds.load`."""

from tfds_eo.dlr_sea_ice_semantic import (
    dlr_sea_ice_semantic_dataset_builder as _dlr_sea_ice_semantic,
)
from tfds_eo.dlr_sea_ice_topics import (
    dlr_sea_ice_topics_dataset_builder as _dlr_sea_ice_topics,
)
from tfds_eo.metno_sea_ice import metno_sea_ice_dataset_builder as _metno_sea_ice
from tfds_eo.s1_ice_patches import s1_ice_patches_dataset_builder as _s1_ice_patches
from tfds_eo.s2_crop_series import s2_crop_series_dataset_builder as _s2_crop_series
from tfds_eo.time_sen2_crop import time_sen2_crop_dataset_builder as _time_sen2_crop
from tfds_eo.uit_sea_ice import uit_sea_ice_dataset_builder as _uit_sea_ice

BUILDERS = (
    _time_sen2_crop.Builder,
    _s2_crop_series.Builder,
    _s1_ice_patches.Builder,
    _uit_sea_ice.Builder,
    _dlr_sea_ice_semantic.Builder,
    _dlr_sea_ice_topics.Builder,
    _metno_sea_ice.Builder,
)
"""Every builder that TFDS finds once this package is imported."""
