"""The page's pictures (extra `plot`: Matplotlib). Each function returns a figure."""
