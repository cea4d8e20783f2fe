"""One module per destination of results, and the HTTP that they share."""
