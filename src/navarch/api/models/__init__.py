"""What travels in bodies: requests and responses, as OpenAPI shows them."""
