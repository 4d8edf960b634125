"""Measured claims: each script prints a ratio against a named peer, in one run."""
