"""Agents and episodes for other programs: ONNX, Minari."""
