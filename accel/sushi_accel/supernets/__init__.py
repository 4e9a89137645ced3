"""SuperNets, the SubNets cut from them, and SubGraphs: slices of their weights."""
