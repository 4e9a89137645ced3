"""Several policies on the same episodes, side by side."""
