"""Made products in the true formats, for the demo and for tests alike."""

SIMULATED_COMMENT = b"simulated by tfds-eo: not observed data"
"""Comment of every archive made here, so that nobody takes it for observed data."""
