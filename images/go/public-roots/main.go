// Command public-roots writes the certificates of the public authorities, as Mozilla keeps them, into the file that is its
// argument, in PEM: for programs in images that hold nothing but the program.
package main

import (
	"bytes"
	"encoding/pem"
	"log"
	"os"

	"golang.org/x/crypto/x509roots/fallback/bundle"
)

func main() {
	if len(os.Args) != 2 {
		log.Fatal("public-roots FILE")
	}
	if err := os.WriteFile(os.Args[1], roots(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// roots is all that are trusted without a condition, which PEM cannot say.
func roots() []byte {
	var all bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint == nil {
			_ = pem.Encode(&all, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a Buffer takes all
		}
	}
	return all.Bytes()
}
