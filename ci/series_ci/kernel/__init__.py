"""Kernel trees, and what is built of them. The only room that uses GitPython and runs make."""
