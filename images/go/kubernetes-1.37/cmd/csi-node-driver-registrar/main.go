// Command csi-node-driver-registrar makes a CSI driver on this node known to the kubelet.
//
// The kubelet watches a folder for sockets and asks what it finds there (k8s.io/kubelet's plugin registration API, v1).
// This program puts a socket there on behalf of a driver that only speaks CSI: it asks the driver for its name and
// answers the kubelet with that name and the driver's own socket.
//
//	-csi-address                the driver's socket, as seen in this container
//	-kubelet-registration-path  the driver's socket, as the kubelet sees it on the node
//	-plugin-registration-path   folder the kubelet watches, as seen in this container (default /registration)
//
// It ends with 1 when the kubelet refuses the driver, so that its container is started again.
package main

import (
	"context"
	"errors"
	"flag"
	"log"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	address := flag.String("csi-address", "/run/csi/socket", "the driver's socket")
	kubeletPath := flag.String("kubelet-registration-path", "", "the driver's socket as the kubelet sees it")
	folder := flag.String("plugin-registration-path", "/registration", "folder the kubelet watches")
	flag.Parse()
	if *kubeletPath == "" {
		log.Fatal("-kubelet-registration-path is needed: the driver's socket as the kubelet sees it")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	name, err := driverName(ctx, *address)
	if err != nil {
		log.Fatal(err)
	}
	log.Printf("driver %s at %s, for the kubelet %s", name, *address, *kubeletPath)
	err = serve(ctx, *folder, newRegistration(name, *kubeletPath))
	if err != nil && !errors.Is(err, context.Canceled) {
		log.Print(err)
		os.Exit(1)
	}
}
