package s3exporter

import (
	"errors"
	"net/url"

	"go.opentelemetry.io/collector/config/confighttp"
	"go.opentelemetry.io/collector/config/configoptional"
	"go.opentelemetry.io/collector/config/configretry"
	"go.opentelemetry.io/collector/exporter/exporterhelper"
)

// Config is what can be set beside an HTTP client's `endpoint`, `tls` and so on. Objects are called
// PREFIX/year=Y/month=M/day=D/hour=H/SOURCE-SUM.json.gz.
type Config struct {
	ClientConfig confighttp.ClientConfig                                  `mapstructure:",squash"`
	Queue        configoptional.Optional[exporterhelper.QueueBatchConfig] `mapstructure:"sending_queue"`
	Retry        configretry.BackOffConfig                                `mapstructure:"retry_on_failure"`

	Bucket string `mapstructure:"bucket"`
	Prefix string `mapstructure:"prefix"`
	Region string `mapstructure:"region"`
	// Whether the bucket is in the path, not in the host's name.
	PathStyle bool `mapstructure:"path_style"`
	// A folder with the files `accessKey` and `secretKey`, read for each object: keys can be replaced without a restart.
	Credentials string `mapstructure:"credentials"`
	// Who writes: the machine.
	Source string `mapstructure:"source"`
}

// Validate says what no start can do without.
func (c *Config) Validate() error {
	at, err := url.Parse(c.ClientConfig.Endpoint)
	switch {
	case err != nil || at.Host == "" || (at.Scheme != "http" && at.Scheme != "https") || at.User != nil || at.RawQuery != "":
		return errors.New("endpoint is an http or https URL without user and query")
	case c.Bucket == "", c.Region == "", c.Credentials == "", c.Source == "":
		return errors.New("bucket, region, credentials and source are needed")
	}
	return nil
}
