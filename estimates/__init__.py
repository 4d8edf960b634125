"""Figures with their 95 % intervals, and tests of their differences."""
