"""Mails: where they come from, what one says, one version fetched and verified. The only room that runs b4."""
