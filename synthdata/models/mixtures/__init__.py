"""What `gmm` is made of: the mixture itself, how it is learnt, and how rows are drawn from it."""
