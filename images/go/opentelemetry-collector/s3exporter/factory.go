// Package s3exporter writes logs into objects of an S3 bucket: gzip'd lines of JSON, one for each record, in a folder for
// each hour of what they tell. The collector's own exporter for that (awss3exporter) is served at no release that the other
// components are; this one is of the collector's helper for queues, batches and retries, and of AWS's signatures.
package s3exporter

import (
	"context"
	"time"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/exporter"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// NewFactory gives the component that configurations name `s3`.
func NewFactory() exporter.Factory {
	return exporter.NewFactory(component.MustNewType("s3"), defaults,
		exporter.WithLogs(logs, component.StabilityLevelBeta))
}

func defaults() component.Config {
	client := confighttp.NewDefaultClientConfig()
	client.Timeout = time.Minute // of one object
	return &Config{
		ClientConfig: client,
		Queue:        configoptional.Some(exporterhelper.NewDefaultQueueConfig()),
		Retry:        configretry.NewDefaultBackOffConfig(),
		Region:       "us-east-1",
		PathStyle:    true,
	}
}

func logs(ctx context.Context, set exporter.Settings, config component.Config) (exporter.Logs, error) {
	c := config.(*Config)
	sender := &sender{config: c}
	start := func(ctx context.Context, host component.Host) (err error) {
		client, err := c.ClientConfig.ToClient(ctx, host.GetExtensions(), set.TelemetrySettings)
		if err == nil {
			sender.bucket, err = newBucket(c, client)
		}
		return err
	}
	return exporterhelper.NewLogs(ctx, set, config, sender.send,
		exporterhelper.WithStart(start),
		exporterhelper.WithCapabilities(consumer.Capabilities{MutatesData: false}),
		exporterhelper.WithTimeout(exporterhelper.TimeoutConfig{Timeout: 0}), // the client's is of one object, not of a batch
		exporterhelper.WithRetry(c.Retry),
		exporterhelper.WithQueue(c.Queue),
	)
}
