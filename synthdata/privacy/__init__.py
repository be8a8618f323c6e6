"""Differential privacy: what each look at real rows costs, the noise it takes, and the ledger that adds it up."""
