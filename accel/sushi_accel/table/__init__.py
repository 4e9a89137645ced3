"""The SushiAbs table, and the SubGraphs it is built over."""
