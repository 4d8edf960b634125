"""Judges: models that decide over answers, asked over HTTP, their verdicts kept."""
