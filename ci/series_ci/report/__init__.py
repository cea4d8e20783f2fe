"""One module per form in which an outcome is shown. They know nothing of where it came from."""
