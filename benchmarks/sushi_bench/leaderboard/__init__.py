"""The leaderboard: a static site made of result files (extra `page`)."""
