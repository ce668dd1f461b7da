module navarch.dev/images/sample-web

go 1.26.0
