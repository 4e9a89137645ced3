"""The `sushi` command, and the protocol by which policies are compared."""
