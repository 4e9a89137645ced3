"""Measurements: what the model is held against, and fitted to."""
