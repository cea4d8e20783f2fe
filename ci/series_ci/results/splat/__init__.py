"""Complaints of the kernel in a console: found, given a title and a function to blame."""
