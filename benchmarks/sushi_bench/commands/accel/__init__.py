"""`sushi accel`: the hardware model, one module per subcommand."""
