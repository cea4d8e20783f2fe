"""One story per verb: from a request to a verdict that is written down."""
