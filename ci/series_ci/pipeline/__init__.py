"""The work of each verb, one module per verb: from a request to a verdict in its run directory."""
