"""What a guest said, as data: KTAP results, kernel complaints and bench samples, and the comparison of two runs.

All modules are pure, except logs.py, which reads files, and symbols.py, which runs the kernel's decode_stacktrace.sh.
"""
