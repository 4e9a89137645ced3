"""How training runs learned."""
