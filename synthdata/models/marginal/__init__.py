"""What `aim` and `mst` are made of: measured cells, graphical models of marginals, and their inference."""
