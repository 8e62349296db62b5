"""AWS services: where they are, who asks, and how a request to them is signed."""
