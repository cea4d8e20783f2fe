"""Destinations of results: one module for each, and one that they share to talk HTTP."""
