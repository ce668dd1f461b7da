package s3exporter

import (
	"bytes"
	"context"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/smithy-go/encoding/httpbinding"
)

// bucket is where objects go.
type bucket struct {
	client      *http.Client
	base        url.URL // of the bucket
	region      string
	credentials string // the folder
}

func newBucket(c *Config, client *http.Client) (*bucket, error) {
	base, err := url.Parse(c.ClientConfig.Endpoint)
	if err != nil {
		return nil, err
	}
	if c.PathStyle {
		base.Path = path.Join("/", base.Path, c.Bucket)
	} else {
		base.Host = c.Bucket + "." + base.Host
	}
	// A signature is of one host and path: sent on, it is of no use to whoever is told it.
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &bucket{client, *base, c.Region, c.Credentials}, nil
}

// put writes an object, over one of the same name. `sum` is its SHA-256, in hexadecimal. It returns what S3 says where it
// does not take it.
func (b *bucket) put(ctx context.Context, key, sum string, content []byte) error {
	at := b.base
	at.Path = path.Join("/", at.Path, key)
	at.RawPath = httpbinding.EscapePath(at.Path, false) // as it is signed: with more of it escaped than Go does
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, at.String(), bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.URL.RawPath = at.RawPath
	request.Header.Set("Content-Type", "application/gzip")
	request.Header.Set("X-Amz-Content-Sha256", sum)
	keys, err := b.keys()
	if err != nil {
		return err
	}
	// A new one each time: it goes on with the secret that it first saw of an access key.
	signer := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // as S3 has it
	if err := signer.SignHTTP(ctx, keys, request, sum, "s3", b.region, time.Now()); err != nil {
		return err
	}
	answer, err := b.client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	said, _ := io.ReadAll(io.LimitReader(answer.Body, 16<<10))
	if answer.StatusCode/100 == 2 {
		return nil
	}
	// Of what is said only these: an answer to a wrong signature repeats what was signed.
	var reason struct{ Code, Message string }
	_ = xml.Unmarshal(said, &reason)
	return fmt.Errorf("%s answers %s to an object of %s: %s %s",
		at.Host, answer.Status, b.base.String(), reason.Code, reason.Message)
}

func (b *bucket) keys() (aws.Credentials, error) {
	var read [2]string
	for at, name := range []string{"accessKey", "secretKey"} {
		text, err := os.ReadFile(path.Join(b.credentials, name))
		if err != nil {
			return aws.Credentials{}, err
		}
		if read[at] = strings.TrimSpace(string(text)); read[at] == "" {
			return aws.Credentials{}, fmt.Errorf("%s is empty", name)
		}
	}
	return aws.Credentials{AccessKeyID: read[0], SecretAccessKey: read[1]}, nil
}
