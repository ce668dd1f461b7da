package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// authority makes a folder with an authority's certificate and key.
func authority(t *testing.T) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "shop"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageCertSign,
	}
	made, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	put(t, filepath.Join(folder, "tls.crt"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: made})))
	put(t, filepath.Join(folder, "tls.key"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})))
	return folder
}

func put(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestTheCertificateIsBelievedForEachName(t *testing.T) {
	signer, to := authority(t), t.TempDir()
	names := []string{"198.51.100.7", "registry.registry.svc"}
	if err := writeCertificate(signer, to, names, time.Now()); err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(to, "tls.crt"), filepath.Join(to, "tls.key"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	text, _ := os.ReadFile(filepath.Join(signer, "tls.crt"))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(text)
	for _, name := range names {
		if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: name}); err != nil {
			t.Error(err)
		}
	}
	if _, err := leaf.Verify(x509.VerifyOptions{Roots: roots, DNSName: "198.51.100.8"}); err == nil {
		t.Error("believed for another address")
	}
}

func TestANodeIsToldOfOneHostAndForgetsTheOneBefore(t *testing.T) {
	certs, signer := t.TempDir(), authority(t)
	told := told{certs, "registry/registry"}
	foreign := filepath.Join(certs, "registry.navarch.internal", "hosts.toml")
	put(t, foreign, "server = \"https://region\"\n")
	for _, host := range []string{"198.51.100.7", "198.51.100.7", "images.example.org"} {
		if err := told.write(host, filepath.Join(signer, "tls.crt")); err != nil {
			t.Fatal(err)
		}
	}
	hosts, err := os.ReadFile(filepath.Join(certs, "images.example.org", "hosts.toml"))
	if err != nil {
		t.Fatal(err)
	}
	wanted := `# of the registry registry/registry in this cluster
server = "https://images.example.org"
ca = "/etc/containerd/certs.d/images.example.org/ca.crt"

[host."https://images.example.org"]
capabilities = ["pull", "resolve"]
ca = "/etc/containerd/certs.d/images.example.org/ca.crt"
`
	if string(hosts) != wanted {
		t.Errorf("%s", hosts)
	}
	if _, err := os.Stat(filepath.Join(certs, "198.51.100.7")); !os.IsNotExist(err) {
		t.Error("the host before is still told of")
	}
	if err := told.takeBack(""); err != nil {
		t.Fatal(err)
	}
	left, _ := os.ReadDir(certs)
	if len(left) != 1 || left[0].Name() != "registry.navarch.internal" {
		t.Errorf("left: %v", left)
	}
}

func TestWhatIsAnotherRegistrysStays(t *testing.T) {
	certs, signer := t.TempDir(), filepath.Join(authority(t), "tls.crt")
	told := told{certs, "registry/registry"}
	put(t, filepath.Join(certs, "registry.navarch.internal", "hosts.toml"), "server = \"https://region\"\n")
	put(t, filepath.Join(certs, "quay.io", "ca.crt"), "mine")
	for _, host := range []string{"registry.navarch.internal", "quay.io", "..", "a/b", "_default", ""} {
		if err := told.write(host, signer); err == nil {
			t.Errorf("%q was written", host)
		}
	}
	text, _ := os.ReadFile(filepath.Join(certs, "registry.navarch.internal", "hosts.toml"))
	if !strings.HasPrefix(string(text), "server = \"https://region\"") {
		t.Errorf("%s", text)
	}
}

func TestWhereItIsReachedAndWhetherItGoes(t *testing.T) {
	services, sets := `{"status": {"loadBalancer": {}}}`, `{"metadata": {}}`
	code := http.StatusOK
	server := httptest.NewTLSServer(http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.Header.Get("Authorization") != "Bearer word" {
			answer.WriteHeader(http.StatusUnauthorized)
			return
		}
		text := map[string]string{
			"/api/v1/namespaces/a/services/b":         services,
			"/apis/apps/v1/namespaces/a/daemonsets/c": sets,
		}[request.URL.Path]
		answer.WriteHeader(code)
		_, _ = answer.Write([]byte(text))
	}))
	defer server.Close()
	folder := t.TempDir()
	put(t, filepath.Join(folder, "token"), "word\n")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	put(t, filepath.Join(folder, "ca.crt"), string(certificate))
	ctx := context.Background()
	asked := asked{&api{server.URL, folder}, "a", "b", "c", ""}
	if reached, err := asked.reached(ctx); err == nil {
		t.Errorf("reached at %q before there is an address", reached)
	}
	services = `{"status": {"loadBalancer": {"ingress": [{"ip": "198.51.100.7"}]}}}`
	if reached, err := asked.reached(ctx); err != nil || reached != "198.51.100.7" {
		t.Errorf("%q, %v", reached, err)
	}
	if asked.goes(ctx) {
		t.Error("it goes though nobody removes it")
	}
	code = http.StatusInternalServerError
	if asked.goes(ctx) {
		t.Error("it goes though the API server said nothing about it")
	}
	for _, code = range []int{http.StatusNotFound, http.StatusForbidden} {
		if !asked.goes(ctx) {
			t.Errorf("%d: it does not go", code)
		}
	}
	code, sets = http.StatusOK, `{"metadata": {"deletionTimestamp": "2026-01-01T00:00:00Z"}}`
	if !asked.goes(ctx) {
		t.Error("it does not go while it is removed")
	}
}
