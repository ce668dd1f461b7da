package main

import (
	"context"
	"time"

	"github.com/cert-manager/cert-manager/internal/apis/config/shared"
	config "github.com/cert-manager/cert-manager/internal/apis/config/webhook"
	"github.com/cert-manager/cert-manager/internal/webhook"
	logf "github.com/cert-manager/cert-manager/pkg/logs"
)

// runWebhook judges objects of cert-manager's kinds, and says in each request for a certificate who made it. Its
// authority is a Secret that it makes itself; cainjector tells the API server of it.
func runWebhook(ctx context.Context, o options) error {
	inside := o.service + "." + o.namespace
	server, err := webhook.NewCertManagerWebhookServer(logf.FromContext(ctx), config.WebhookConfiguration{
		KubeConfig:  o.kubeconfig,
		SecurePort:  int32(o.port),
		HealthzPort: 6080,
		TLSConfig: shared.TLSConfig{
			MinTLSVersion: "VersionTLS13",
			Dynamic: shared.DynamicServingConfig{
				SecretNamespace: o.namespace,
				SecretName:      o.service + "-ca",
				DNSNames:        []string{o.service, inside, inside + ".svc"},
				LeafDuration:    7 * 24 * time.Hour,
			},
		},
		MetricsListenAddress: "0",
	})
	if err != nil {
		return err
	}
	return server.Run(ctx)
}
