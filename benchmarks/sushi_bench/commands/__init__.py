"""The subcommands of `sushi`, one module each."""
