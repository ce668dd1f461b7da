// Command kube-exporter says of a cluster's objects what kube-state-metrics says of them, under the same names and with
// the same labels: nodes, namespaces, pods, workloads, jobs, autoscalers, claims and volumes.
//
//	GET /metrics   in Prometheus' text format; 503 while a kind is not known, or not heard of for five minutes
//	GET /readyz    200 or 503, likewise
//	GET /healthz   200
//
// It lists each kind once, page by page, and watches it from there. Of an object it keeps the text of its series and
// nothing else. It needs `list` and `watch` on what it reads (see `kinds`), and reads no Secret.
//
// Flags: -listen (default :8080); -page, how many objects a list asks for at once; -server, -ca-file, -token-file, which
// are a pod's own unless said.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"navarch.dev/images/kube-api"
)

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	server := flag.String("server", kubeapi.InCluster(), "URL of the API server")
	authority := flag.String("ca-file", kubeapi.Account+"ca.crt", "PEM of the authority that the API server is believed by")
	token := flag.String("token-file", kubeapi.Account+"token", "file with the token; read anew for each request")
	page := flag.Int("page", 500, "objects that a list asks for at once")
	flag.Parse()
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	if err := run(*listen, *server, *authority, *token, *page); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}

func run(listen, server, authority, token string, page int) error {
	api, err := kubeapi.New(server, authority, token, "navarch-kube-exporter")
	if err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	stores := make([]*store, len(kinds))
	for i, kind := range kinds {
		stores[i] = newStore(kind)
		go follow(ctx, api, page, stores[i])
	}
	site := &http.Server{Addr: listen, Handler: handler(stores, time.Now), ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = site.Shutdown(grace)
	}()
	slog.Info("listening", "address", listen, "server", server)
	if err := site.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
