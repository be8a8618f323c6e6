"""What `hmm` is made of: sequences, the hidden chain, what its states emit, and how both are learnt."""
