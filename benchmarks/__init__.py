"""Each claim of speed or skill as a command that measures it: python -m benchmarks."""
