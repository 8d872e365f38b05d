"""PTransforms: one for each parallel task, wiring only."""
