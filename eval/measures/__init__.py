"""Intervals, tests and figures over samples."""
