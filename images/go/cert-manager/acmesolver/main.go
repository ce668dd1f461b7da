// What cert-manager starts for an HTTP-01 challenge: it answers one path with one key. The options are cert-manager's.
package main

import (
	"flag"
	"log"

	"k8s.io/klog/v2"

	"github.com/cert-manager/cert-manager/pkg/issuer/acme/http/solver"
)

func main() {
	answer := solver.HTTP01Solver{}
	flag.IntVar(&answer.ListenPort, "listen-port", 8089, "where it listens")
	flag.StringVar(&answer.Domain, "domain", "", "the name that is asked for")
	flag.StringVar(&answer.Token, "token", "", "of the challenge")
	flag.StringVar(&answer.Key, "key", "", "the answer")
	flag.Parse()
	log.Fatal(answer.Listen(klog.Background()))
}
