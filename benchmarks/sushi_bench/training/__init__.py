"""Training all agents of a suite."""
