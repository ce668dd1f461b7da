// navarch-registry is CNCF distribution (https://github.com/distribution/distribution) for a region's images: everybody
// may pull, as nodes do, and whoever has the password may push. Its configuration is distribution's own; storage is a
// folder (`filesystem`) or an S3 bucket (`s3`), and `auth: readers: {password_file: …}` is this program's (readers.go).
//
//	navarch-registry serve /etc/navarch/registry.yaml
package main

import (
	"os"

	"github.com/distribution/distribution/v3/registry"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/filesystem"
	_ "github.com/distribution/distribution/v3/registry/storage/driver/s3-aws"
)

func main() {
	// Left alone, distribution sends traces to a collector on this host, and complains for ever that there is none.
	if _, said := os.LookupEnv("OTEL_TRACES_EXPORTER"); !said {
		os.Setenv("OTEL_TRACES_EXPORTER", "none")
	}
	if registry.RootCmd.Execute() != nil {
		os.Exit(1)
	}
}
