"""Scenarios: what is served, where, and to whom."""
