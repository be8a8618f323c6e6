"""The dashboard: run folders looked at in a browser. It reads and draws, and computes nothing itself."""
