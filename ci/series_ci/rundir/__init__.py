"""The run directory: what lies in it, written, read back, verified, found again."""
