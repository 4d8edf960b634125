"""Running: asking an endpoint, and the folder that a run leaves."""
