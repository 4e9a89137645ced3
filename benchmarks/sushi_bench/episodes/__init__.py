"""One episode as a picture or a film."""
