"""Client of the native API, for the CLI and for other programs: HTTP alone, nothing of the service's inside."""
