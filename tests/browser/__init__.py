"""The console in a real browser, before the simulated cloud."""
