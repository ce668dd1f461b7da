module navarch.dev/images/kube-events

go 1.26.0

require navarch.dev/images/kube-api v0.0.0

replace navarch.dev/images/kube-api => ../kube-api
