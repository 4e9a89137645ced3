"""The figures that the SUSHI paper publishes, and ours beside them, one module per section."""
