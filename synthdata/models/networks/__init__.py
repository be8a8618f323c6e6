"""Layers, heads and noise processes that the neural families are put together from."""
