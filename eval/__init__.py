"""Benchmarks of a served model over HTTP, with scores that anybody can recompute."""
