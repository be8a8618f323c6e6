"""What `copula` is made of: scores of latent normals, and their joint law."""
