"""What docs/benchmarks.md publishes: `make bench` measures it on the machine at hand and writes the page anew."""
