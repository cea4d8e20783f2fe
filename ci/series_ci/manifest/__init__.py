"""What is tested: series/*.yaml, and one request made of it."""
