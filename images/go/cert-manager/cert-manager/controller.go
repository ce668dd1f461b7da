package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"

	"github.com/cert-manager/cert-manager/pkg/controller"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmechallenges"
	_ "github.com/cert-manager/cert-manager/pkg/controller/acmeorders"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificate-shim/ingresses"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/acme"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/approver"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/ca"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificaterequests/vault"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/issuing"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/keymanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/metrics"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/readiness"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/requestmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/revisionmanager"
	_ "github.com/cert-manager/cert-manager/pkg/controller/certificates/trigger"
	_ "github.com/cert-manager/cert-manager/pkg/controller/clusterissuers"
	_ "github.com/cert-manager/cert-manager/pkg/controller/issuers"
	"github.com/cert-manager/cert-manager/pkg/healthz"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/acme"
	dnsutil "github.com/cert-manager/cert-manager/pkg/issuer/acme/dns/util"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/ca"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/selfsigned"
	_ "github.com/cert-manager/cert-manager/pkg/issuer/vault"
)

const (
	workers = 5 // of each controller
	lease   = "cert-manager-controller"

	held    = 60 * time.Second // by who does not renew it any more
	renewed = 40 * time.Second // at the latest; else it is lost
)

// runController serves measurements and its health and, while it leads, runs every controller that is registered above.
func runController(ctx context.Context, o options) error {
	factory, err := controller.NewContextFactory(ctx, controllerOptions(o))
	if err != nil {
		return err
	}
	built, err := factory.Build()
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", ":9402")
	if err != nil {
		return err
	}
	asked, err := net.Listen("tcp", ":9403")
	if err != nil {
		return err
	}
	seen := built.SharedInformerFactory
	built.Metrics.SetupACMECollector(seen.Acme().V1().Challenges().Lister())
	built.Metrics.SetupCertificateCollector(seen.Certmanager().V1().Certificates().Lister())
	built.Metrics.SetupIssuerCollector(seen.Certmanager().V1().Issuers().Lister())
	built.Metrics.SetupClusterIssuerCollector(seen.Certmanager().V1().ClusterIssuers().Lister())
	group, ctx := errgroup.WithContext(ctx)
	server := built.Metrics.NewServer(listener)
	group.Go(func() error {
		if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			return err
		}
		return nil
	})
	group.Go(func() error {
		<-ctx.Done()
		return server.Close()
	})
	// /livez fails where the lease should be renewed and is not, or the clock by which renewals wait has stood still.
	health := healthz.NewServer(20 * time.Second)
	group.Go(func() error { return health.Start(ctx, asked) })
	group.Go(func() error {
		return lead(ctx, o, built, health.LeaderHealthzAdaptor, func(ctx context.Context) error {
			return control(ctx, factory, built)
		})
	})
	return group.Wait()
}

// control runs the controllers until the context ends, or one of them does.
func control(ctx context.Context, factory *controller.ContextFactory, built *controller.Context) error {
	group, ctx := errgroup.WithContext(ctx)
	for name, construct := range controller.Known() {
		loop, err := construct(factory)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		group.Go(func() error { return loop.Run(workers, ctx) })
	}
	built.SharedInformerFactory.Start(ctx.Done())
	built.KubeSharedInformerFactory.Start(ctx.Done())
	built.HTTP01ResourceMetadataInformersFactory.Start(ctx.Done())
	return group.Wait()
}

// lead does the work while this process holds the lease. Who loses it ends: informers are not to be started twice. The
// lease is kept until the work has ended, so that never two of them work at once.
func lead(ctx context.Context, o options, built *controller.Context, watched *leaderelection.HealthzAdaptor,
	work func(context.Context) error) error {
	name, err := os.Hostname()
	if err != nil {
		return err
	}
	lock, err := resourcelock.New(resourcelock.LeasesResourceLock, o.namespace, lease,
		built.Client.CoreV1(), built.Client.CoordinationV1(), resourcelock.ResourceLockConfig{Identity: name})
	if err != nil {
		return err
	}
	holding, release := context.WithCancel(context.WithoutCancel(ctx))
	defer release()
	elected, lost := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(lost)
		leaderelection.RunOrDie(holding, leaderelection.LeaderElectionConfig{
			Lock: lock, ReleaseOnCancel: true, WatchDog: watched,
			LeaseDuration: held, RenewDeadline: renewed, RetryPeriod: 15 * time.Second,
			Callbacks: leaderelection.LeaderCallbacks{
				OnStartedLeading: func(context.Context) { close(elected) },
				OnStoppedLeading: func() {},
			},
		})
	}()
	defer func() {
		release()
		<-lost
	}()
	select {
	case <-elected:
		return during(ctx, lost, work)
	case <-ctx.Done():
		return nil
	}
}

// during does the work until it ends by itself, the context does, or the lease is lost, and waits for its end: for no
// longer than a lease that is not renewed stays ours.
func during(ctx context.Context, lost <-chan struct{}, work func(context.Context) error) error {
	working, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- work(working) }()
	var reason error
	select {
	case err := <-ended:
		if err == nil && ctx.Err() == nil {
			err = errors.New("the controllers ended")
		}
		return err
	case <-ctx.Done():
	case <-lost:
		reason = fmt.Errorf("the lease %s is not ours any more", lease)
	}
	stop()
	select {
	case err := <-ended:
		return errors.Join(reason, err)
	case <-time.After(held - renewed):
		return errors.Join(reason, errors.New("the controllers did not end in time"))
	}
}

func controllerOptions(o options) controller.ContextOptions {
	return controller.ContextOptions{
		Kubeconfig:         o.kubeconfig,
		KubernetesAPIQPS:   20,
		KubernetesAPIBurst: 50,
		IssuerOptions: controller.IssuerOptions{
			ClusterResourceNamespace: o.namespace,
		},
		ACMEOptions: controller.ACMEOptions{
			HTTP01SolverImage:                 o.solver,
			HTTP01SolverResourceRequestCPU:    resource.MustParse("10m"),
			HTTP01SolverResourceRequestMemory: resource.MustParse("32Mi"),
			HTTP01SolverResourceLimitsCPU:     resource.MustParse("100m"),
			HTTP01SolverResourceLimitsMemory:  resource.MustParse("64Mi"),
			ACMEHTTP01SolverRunAsNonRoot:      true,
			DNS01CheckAuthoritative:           !o.nameServersOnly,
			DNS01Nameservers:                  o.nameServers.or(dnsutil.RecursiveNameservers),
			DNS01CheckRetryPeriod:             10 * time.Second,
		},
		IngressShimOptions: controller.IngressShimOptions{
			DefaultIssuerKind:                 "Issuer",
			DefaultIssuerGroup:                "cert-manager.io",
			DefaultAutoCertificateAnnotations: []string{"kubernetes.io/tls-acme"},
		},
		CertificateOptions: controller.CertificateOptions{
			CopiedAnnotationPrefixes:                 []string{"*", "-kubectl.kubernetes.io/", "-fluxcd.io/", "-argocd.argoproj.io/"},
			CertificateRequestMinimumBackoffDuration: time.Hour,
			CertificateRequestMaximumBackoffDuration: 32 * time.Hour,
		},
		SchedulerOptions: controller.SchedulerOptions{MaxConcurrentChallenges: 60},
	}
}
