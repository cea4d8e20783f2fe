"""What tests use in place of a kernel tree, a mailing list and a web server."""
