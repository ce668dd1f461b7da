package main

import (
	"crypto/x509"
	"testing"
)

func TestRootsAreReadByThoseWhoCheckCertificates(t *testing.T) {
	all := x509.NewCertPool()
	if !all.AppendCertsFromPEM(roots()) || len(all.Subjects()) < 80 { //nolint:staticcheck // it is no system's pool
		t.Errorf("%d certificates", len(all.Subjects()))
	}
}
