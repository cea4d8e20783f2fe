"""What is tested: the manifests, series/*.yaml, and one request made of a manifest."""
