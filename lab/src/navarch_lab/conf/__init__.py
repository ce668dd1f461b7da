"""Configuration files of the services, rendered from the topology. Pure: text in, text out, nothing is written here."""
