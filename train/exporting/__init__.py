"""Exporting: a tuned model as a bundle that the server loads."""
