"""The machine that we run on: programs, files, locks, downloads. Nothing here knows of kernels or mails."""
