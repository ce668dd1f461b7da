package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

const path = "/apis/events.k8s.io/v1/events"

// errRefused: the server does not take the token, or gives no right to events, or does not know yet that it does.
var errRefused = errors.New("the API server refuses")

// api asks a Kubernetes API server for events.
type api struct {
	server, token string
	client        *http.Client
}

// newAPI gives one that believes the authority in a file and shows the token in another.
func newAPI(server, authority, token string) (*api, error) {
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
		// A connection that is dead must be noticed, or the next request would be put on it, too.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 30 * time.Second, PingTimeout: 15 * time.Second},
	}
	return &api{strings.TrimSuffix(server, "/"), token, &http.Client{Transport: transport}}, nil
}

// get gives the body of an answer, to be closed; errRefused for 401 and 403.
func (a *api) get(ctx context.Context, query url.Values) (io.ReadCloser, error) {
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
	request.Header.Set("User-Agent", "navarch-kube-events")
	answer, err := a.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	if answer.StatusCode == http.StatusUnauthorized || answer.StatusCode == http.StatusForbidden {
		return nil, fmt.Errorf("%w: %s: %s", errRefused, answer.Status, text)
	}
	return nil, fmt.Errorf("%s: %s", answer.Status, text)
}

// listed is a page of a list.
type listed struct {
	Metadata struct {
		ResourceVersion string `json:"resourceVersion"`
		Continue        string `json:"continue"`
	} `json:"metadata"`
	Items []event `json:"items"`
}

func (a *api) list(ctx context.Context, query url.Values) (page listed, err error) {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	body, err := a.get(ctx, query)
	if err != nil {
		return page, err
	}
	defer body.Close()
	return page, json.NewDecoder(body).Decode(&page)
}

// heard is what a watch says.
type heard struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// watch hands each thing that is said to `each`, until the server ends it, which is no error. A watch in which nothing
// is said for as long as `silence` is dead.
func (a *api) watch(ctx context.Context, query url.Values, silence time.Duration, each func(heard) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := a.get(ctx, query)
	if err != nil {
		return err
	}
	defer body.Close()
	silent := time.AfterFunc(silence, cancel)
	defer silent.Stop()
	decoder := json.NewDecoder(body)
	for {
		var said heard
		if err := decoder.Decode(&said); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		silent.Reset(silence)
		if err := each(said); err != nil {
			return err
		}
	}
}
