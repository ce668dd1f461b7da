module navarch.dev/images/kube-events

go 1.26.0
