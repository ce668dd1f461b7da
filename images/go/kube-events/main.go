// Command kube-events writes each event of a Kubernetes cluster to its standard output, as a line of JSON: whatever
// gathers what containers write has the events, too.
//
//	{"time":"2026-11-30T21:00:00Z","type":"Warning","reason":"FailedScheduling","message":"0/2 nodes are available",
//	 "namespace":"shop","kind":"Pod","name":"web-0","count":3,"controller":"default-scheduler","node":"",
//	 "uid":"5d1c…","version":"4711"}
//
// An event that happens again is written again, with its count. `uid` and `version` together are one line's alone.
//
// It needs `list` and `watch` on events of events.k8s.io, and nothing else. It holds one page of a list at most. How far
// it came is a number, the version of what was written last, which -state keeps over a restart: then nothing is written
// twice, and nothing is left out that the server still has (an hour, as Kubernetes is configured). Without the file it
// begins with all that the server has. It ends, with 1, where the server refuses it for as long as -patience: one that begins
// refuses everybody for a moment.
//
// Flags: -state (file; none: kept in memory); -patience (default 1m); -page, how many events a list asks for at once; -server, -ca-file,
// -token-file, which are a pod's own unless said. What goes wrong is told on standard error.
package main

import (
	"context"
	"flag"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"navarch.dev/images/kube-api"
)

func main() {
	state := flag.String("state", "", "file that holds how far it came")
	server := flag.String("server", kubeapi.InCluster(), "URL of the API server")
	authority := flag.String("ca-file", kubeapi.Account+"ca.crt", "PEM of the authority that the API server is believed by")
	token := flag.String("token-file", kubeapi.Account+"token", "file with the token; read anew for each request")
	patience := flag.Duration("patience", time.Minute, "how long the server may refuse what is asked")
	page := flag.Int("page", 200, "events that a list asks for at once")
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	if err := run(*state, *server, *authority, *token, *page, *patience); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}

func run(state, server, authority, token string, page int, patience time.Duration) error {
	api, err := kubeapi.New(server, authority, token, "navarch-kube-events")
	if err != nil {
		return err
	}
	teller, err := newTeller(os.Stdout, state)
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	return (&follower{api: api, teller: teller, page: page, patience: patience}).follow(ctx)
}
