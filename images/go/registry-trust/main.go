// Command registry-trust makes a registry inside a cluster be believed, where its certificate is of an authority of its
// own: nobody touches a node by hand.
//
//	registry-trust certificate   makes the registry's certificate, for the names that it is reached by, and ends
//	registry-trust nodes         tells the containerd of the node which authority it is, for as long as it runs
//
// A registry is reached by -host, or by the address that the balancer of -service got, which is waited for. containerd
// reads certs.d at each pull (https://github.com/containerd/containerd/blob/main/docs/hosts.md); nothing is restarted.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"
	"time"
)

const (
	account = "/var/run/secrets/kubernetes.io/serviceaccount"
	soon    = 2 * time.Second
	later   = 30 * time.Second
)

func main() {
	slog.SetDefault(slog.New(slog.NewJSONHandler(os.Stderr, nil)))
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Args[1:]); err != nil {
		slog.Error(err.Error())
		os.Exit(1)
	}
}

func run(ctx context.Context, words []string) error {
	if len(words) == 0 {
		return errors.New("registry-trust certificate|nodes")
	}
	flags := flag.NewFlagSet(words[0], flag.ExitOnError)
	host := flags.String("host", "", "name that the registry is reached by; empty: the address of its balancer")
	service := flags.String("service", "", "NAMESPACE/NAME of the registry's Service")
	authority := flags.String("authority", "/authority", "folder with the authority: tls.crt, and tls.key to sign")
	to := flags.String("to", "", "folder that is written")
	daemonSet := flags.String("daemonset", "", "NAME of the DaemonSet that this is a pod of, in the Service's namespace")
	listen := flags.String("listen", ":8080", "address for GET /readyz")
	if err := flags.Parse(words[1:]); err != nil {
		return err
	}
	namespace, name, found := strings.Cut(*service, "/")
	if !found || *to == "" {
		return errors.New("-service NAMESPACE/NAME and -to FOLDER must be given")
	}
	asked := asked{api: newAPI(account), namespace: namespace, service: name, daemonSet: *daemonSet, host: *host}
	switch words[0] {
	case "certificate":
		reached, err := asked.untilReached(ctx)
		if err != nil {
			return err
		}
		names := []string{reached, name + "." + namespace, name + "." + namespace + ".svc"}
		return writeCertificate(*authority, *to, names, time.Now())
	case "nodes":
		return keepTold(ctx, asked, *authority+"/tls.crt", *to, *listen)
	}
	return fmt.Errorf("%s is no command", words[0])
}

// keepTold tells the node's containerd again and again: the address may become another one, and a file may be lost. At
// the end it takes back what it wrote, if the add-on goes; a pod that only makes room for the next one leaves it.
func keepTold(ctx context.Context, asked asked, authority, folder, listen string) error {
	told := told{folder: folder, owner: asked.namespace + "/" + asked.service}
	var ready atomic.Bool
	site := &http.Server{Addr: listen, ReadHeaderTimeout: 5 * time.Second, Handler: http.HandlerFunc(
		func(answer http.ResponseWriter, _ *http.Request) {
			if !ready.Load() {
				answer.WriteHeader(http.StatusServiceUnavailable)
			}
		})}
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		return err
	}
	go func() { _ = site.Serve(listener) }() // nobody but the kubelet asks, and it asks again
	for ctx.Err() == nil {
		reached, err := asked.reached(ctx)
		if err == nil {
			err = told.write(reached, authority)
		}
		ready.Store(err == nil)
		pause := later
		if err != nil && ctx.Err() == nil {
			slog.Error(err.Error())
			pause = soon
		}
		select {
		case <-ctx.Done():
		case <-time.After(pause):
		}
	}
	last, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if asked.goes(last) {
		return told.takeBack("")
	}
	return nil
}
