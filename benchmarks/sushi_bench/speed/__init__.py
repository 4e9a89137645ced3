"""Throughput, beside what people know."""
