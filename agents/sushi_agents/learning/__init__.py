"""Training with Stable-Baselines3: runs, checkpoints, tuning (extra `train`)."""
