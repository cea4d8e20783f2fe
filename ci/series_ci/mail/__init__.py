"""Mails: archives of them, what one mail says, and how one version of a series is fetched and verified.

No other room runs b4.
"""
