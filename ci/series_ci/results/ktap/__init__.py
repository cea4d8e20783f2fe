"""KTAP as kernels and test runners print it: its lines, test names, levels of nesting, and a reader of the stream."""
