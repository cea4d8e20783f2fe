"""Which mails are versions of one series, and what each version changed."""
