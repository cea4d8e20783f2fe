"""Kernel complaints in a console log: find them, and give each a title and a function to blame."""
