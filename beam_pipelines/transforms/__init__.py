"""PTransforms that pipelines are wired from; the arithmetic lies in tfds_eo."""
