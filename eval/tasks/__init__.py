"""The tasks: one file a benchmark, found by name in the catalogue."""
