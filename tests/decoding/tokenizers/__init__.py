"""Tiny tokenizers of every kind, trained with the real libraries, and what they decode to."""
