"""Earth observation data sets for TensorFlow."""
