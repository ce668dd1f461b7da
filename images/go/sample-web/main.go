// Command sample-web is a small site for demonstrations: it shows which pod and node answered, the client's address as
// the pod sees it, and a guest book kept in one file, so that a volume's contents can be seen to follow the pod.
//
//	GET  /          a page
//	GET  /api       {"pod", "node", "client", "entries"}
//	POST /api       {"text": "..."} adds an entry
//	GET  /healthz   200 when the guest book can be read
//
// Flags: -listen (default :8080), -book (default /data/guestbook.jsonl). POD_NAME and NODE_NAME come from the
// environment (the downward API).
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	listen := flag.String("listen", ":8080", "address to listen on")
	path := flag.String("book", "/data/guestbook.jsonl", "file that holds the guest book")
	flag.Parse()
	site := &site{pod: fallback(os.Getenv("POD_NAME"), hostname()), node: os.Getenv("NODE_NAME"), book: &book{path: *path}}
	server := &http.Server{Addr: *listen, Handler: site.handler(), ReadHeaderTimeout: 5 * time.Second}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	go func() {
		<-ctx.Done()
		// Requests under way get their answers while the endpoint is being taken out of the Service.
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(grace)
	}()
	log.Printf("listening on %s, guest book in %s", *listen, *path)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		log.Fatal(err)
	}
}

func hostname() string {
	name, err := os.Hostname()
	if err != nil {
		return "unknown"
	}
	return name
}

func fallback(value, otherwise string) string {
	if value == "" {
		return otherwise
	}
	return value
}
