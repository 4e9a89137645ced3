"""Schedulers that do not learn, each with its source."""
