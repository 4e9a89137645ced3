"""`sushi bench`: the suite, one module per subcommand."""
