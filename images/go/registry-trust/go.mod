module navarch.dev/images/registry-trust

go 1.26.0
