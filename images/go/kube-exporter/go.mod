module navarch.dev/images/kube-exporter

go 1.26.0
