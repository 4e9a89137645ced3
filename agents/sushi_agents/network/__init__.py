"""The network of learned schedulers, and what it sees (extra `train`)."""
