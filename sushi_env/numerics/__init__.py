"""Compiled arithmetic and random streams that are the same on every machine."""
