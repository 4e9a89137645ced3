"""What one inference costs: the closed form, the reference simulator, and energy."""
