"""A suite, run and verified: tasks, workers, journal."""
