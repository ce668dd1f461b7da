"""What paying customers notice while others do what they can against the API: `make proof-hostile`."""
