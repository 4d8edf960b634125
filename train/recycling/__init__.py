"""Recycling: a teacher reflects on instruction data, a student selects."""
