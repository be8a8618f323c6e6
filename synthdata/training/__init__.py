"""The one training loop of all neural families, and what it is told by them."""
