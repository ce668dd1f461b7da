package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"
)

const (
	// How long a watch may last; the server says something each minute (a bookmark), so one that is silent is dead.
	watchTime    = 8 * time.Minute
	silence      = 3 * time.Minute
	slowestRetry = 30 * time.Second
)

// errGone: what a watch or the next page was to begin with is known to the server no more. Another list is.
var errGone = errors.New("the server has forgotten the version: listed anew")

// api asks a Kubernetes API server.
type api struct {
	server, token string
	page          int // objects in one answer to a list
	client        *http.Client
}

// newAPI gives one that believes the authority in a file and shows the token in another.
func newAPI(server, authority, token string, page int) (*api, error) {
	if server == "" {
		return nil, errors.New("no API server: not in a pod, and no -server")
	}
	pem, err := os.ReadFile(authority)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", authority)
	}
	transport := &http.Transport{
		TLSClientConfig:       &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:     true,
		TLSHandshakeTimeout:   10 * time.Second,
		ResponseHeaderTimeout: time.Minute,
		// All watches share a connection: one that is dead must be noticed, or new ones would be put on it, too.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	return &api{strings.TrimSuffix(server, "/"), token, page, &http.Client{Transport: transport}}, nil
}

// get gives the body of an answer, to be closed; errGone for 410.
func (a *api) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(a.token) // the kubelet writes another one each hour
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", "navarch-kube-exporter")
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusGone {
		return nil, errGone
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	return nil, fmt.Errorf("%s: %s: %s", path, answer.Status, text)
}

// list hands each object of a kind to `each`, and gives the version to watch from.
func (a *api) list(ctx context.Context, path string, each func(json.RawMessage) error) (string, error) {
	query := url.Values{"limit": {strconv.Itoa(a.page)}}
	for {
		limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
		about, err := a.read(limited, path, query, each)
		cancel()
		if err != nil {
			return "", err
		}
		if about.Continue == "" {
			return about.ResourceVersion, nil
		}
		query.Set("continue", about.Continue)
	}
}

type listed struct {
	ResourceVersion string `json:"resourceVersion"`
	Continue        string `json:"continue"`
}

// read reads one answer to a list, of which it holds one object at a time.
func (a *api) read(
	ctx context.Context, path string, query url.Values, each func(json.RawMessage) error,
) (about listed, err error) {
	body, err := a.get(ctx, path, query)
	if err != nil {
		return about, err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	if _, err = decoder.Token(); err != nil { // {
		return about, err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return about, err
		}
		switch key {
		case "metadata":
			err = decoder.Decode(&about)
		case "items":
			err = items(decoder, each)
		default:
			var other json.RawMessage
			err = decoder.Decode(&other)
		}
		if err != nil {
			return about, err
		}
	}
	_, err = decoder.Token() // }: an answer that was cut off is none
	return about, err
}

func items(decoder *json.Decoder, each func(json.RawMessage) error) error {
	start, err := decoder.Token()
	if err != nil || start == nil { // null where there are none
		return err
	}
	for decoder.More() {
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return err
		}
		if err := each(item); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}

type event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// watch hands each event from a version on to `each`, until the server ends it, which is no error.
func (a *api) watch(ctx context.Context, path, version string, each func(event) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := a.get(ctx, path, url.Values{
		"watch": {"true"}, "allowWatchBookmarks": {"true"}, "resourceVersion": {version},
		"timeoutSeconds": {strconv.Itoa(int(watchTime.Seconds()) + rand.IntN(120))},
	})
	if err != nil {
		return err
	}
	defer body.Close()
	silent := time.AfterFunc(silence, cancel)
	defer silent.Stop()
	decoder := json.NewDecoder(body)
	for {
		var heard event
		if err := decoder.Decode(&heard); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		silent.Reset(silence)
		if err := each(heard); err != nil {
			return err
		}
	}
}

// follow keeps a store as the server has it, until the context ends.
func follow(ctx context.Context, api *api, store *store) {
	version, wait := "", time.Second
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		if version == "" {
			if version, err = store.list(ctx, api); err == nil {
				continue
			}
		} else {
			version, err = store.watch(ctx, api, version)
		}
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			wait = time.Second
			if time.Since(began) < wait { // a server that ends each watch at once is not asked without a pause
				pause(ctx, wait)
			}
			continue
		case errors.Is(err, errGone):
			version = ""
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		store.failed()
		slog.Warn("asking the API server", "kind", store.kind.resource, "error", err.Error(), "again", wait.String())
		pause(ctx, wait/2+rand.N(wait/2))
		wait = min(2*wait, slowestRetry)
	}
}

func pause(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}
