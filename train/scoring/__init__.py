"""Scoring: IFD and r-IFD of samples with a student model."""
