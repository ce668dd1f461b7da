module navarch.dev/images/kube-api

go 1.26.0
