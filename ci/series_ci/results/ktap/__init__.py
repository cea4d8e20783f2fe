"""KTAP as kernels and runners print it: lines, names, levels of nesting, one reader of the stream."""
