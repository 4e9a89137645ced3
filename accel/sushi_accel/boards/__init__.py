"""Boards: the hardware parameters of SushiAccel, presets and files."""
