// cert-manager's three parts in one program: what runs is named by the first argument. The options are those that the
// catalogue's entry sets (addons/cert-manager); all else is as cert-manager has it by itself.
//
//	cert-manager controller --namespace N --solver IMAGE [--dns01-recursive-nameservers HOST:PORT,… [--dns01-recursive-nameservers-only]]
//	cert-manager webhook    --namespace N --service S
//	cert-manager cainjector --namespace N
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"k8s.io/klog/v2"
	ctrl "sigs.k8s.io/controller-runtime"

	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

// options are of all parts. `kubeconfig` is for trials: in a cluster the service account is what it shows.
type options struct {
	namespace, service, solver, kubeconfig string
	port                                   int
	nameServers                            nameServers
	nameServersOnly                        bool
}

var parts = map[string]func(context.Context, options) error{
	"controller": runController,
	"webhook":    runWebhook,
	"cainjector": runInjector,
}

func main() {
	var o options
	flags := flag.NewFlagSet("cert-manager", flag.ExitOnError)
	flags.StringVar(&o.namespace, "namespace", "cert-manager", "where it runs, keeps its leases and what belongs to ClusterIssuers")
	flags.StringVar(&o.service, "service", "cert-manager-webhook", "the webhook's Service; its authority is in the Secret SERVICE-ca")
	flags.StringVar(&o.solver, "solver", "", "image of the pods that answer HTTP-01 challenges")
	flags.Var(&o.nameServers, "dns01-recursive-nameservers", "asked about DNS-01 challenges in place of those of /etc/resolv.conf")
	flags.BoolVar(&o.nameServersOnly, "dns01-recursive-nameservers-only", false, "do not ask a zone's own name servers")
	flags.StringVar(&o.kubeconfig, "kubeconfig", "", "outside of a cluster")
	flags.IntVar(&o.port, "port", 9443, "the webhook's")
	if len(os.Args) < 2 || parts[os.Args[1]] == nil {
		fmt.Fprintln(os.Stderr, "usage: cert-manager controller|webhook|cainjector [options]")
		os.Exit(2)
	}
	_ = flags.Parse(os.Args[2:])
	logf.InitLogs()
	ctrl.SetLogger(klog.Background())
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	err := parts[os.Args[1]](logf.NewContext(stop, klog.Background().WithName(os.Args[1])), o)
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(os.Stderr, "cert-manager %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
