package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"
)

// writeCertificate makes a key, and a certificate of the authority for all the names. It holds as long as the authority
// does: the registry reads it at its start alone.
func writeCertificate(authority, to string, names []string, now time.Time) error {
	pair, err := tls.LoadX509KeyPair(filepath.Join(authority, "tls.crt"), filepath.Join(authority, "tls.key"))
	if err != nil {
		return err
	}
	signer, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return err
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return err
	}
	wanted := &x509.Certificate{
		SerialNumber: serial,
		Subject:      pkix.Name{CommonName: names[0]},
		NotBefore:    now.Add(-time.Hour), // clocks of nodes differ
		NotAfter:     signer.NotAfter,
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			wanted.IPAddresses = append(wanted.IPAddresses, ip)
		} else {
			wanted.DNSNames = append(wanted.DNSNames, name)
		}
	}
	signed, err := x509.CreateCertificate(rand.Reader, wanted, signer, &key.PublicKey, pair.PrivateKey)
	if err != nil {
		return err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return err
	}
	var chain bytes.Buffer
	for _, one := range [][]byte{signed, pair.Certificate[0]} {
		_ = pem.Encode(&chain, &pem.Block{Type: "CERTIFICATE", Bytes: one}) // a Buffer takes all
	}
	if err := os.WriteFile(filepath.Join(to, "tls.crt"), chain.Bytes(), 0o644); err != nil {
		return err
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret})
	return os.WriteFile(filepath.Join(to, "tls.key"), text, 0o600)
}
