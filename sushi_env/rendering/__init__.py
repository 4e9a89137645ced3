"""Pictures of an episode: what happened lately, and painters for windows, arrays and terminals."""
