"""Reading what strangers wrote, and writing so that nobody reads half of it."""
