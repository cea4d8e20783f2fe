"""What a guest said, as data: KTAP, kernel complaints, samples; two runs compared. Pure, but for logs.py (reads) and
symbols.py (asks decode_stacktrace.sh).
"""
