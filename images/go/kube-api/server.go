// Package kubeapi asks a Kubernetes API server for what is there and what happens, as a pod does: by its account's token,
// with nothing of it held but what is asked for. kube-exporter and kube-events are built of it.
package kubeapi

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

// Account is the folder of a pod's own account.
const Account = "/var/run/secrets/kubernetes.io/serviceaccount/"

var (
	// ErrRefused: the server does not take the token, or gives no right to what is asked, or does not know yet that it does.
	ErrRefused = errors.New("the API server refuses")
	// ErrGone: what a watch or the next page was to begin with is known to the server no more. Another list is.
	ErrGone = errors.New("the server has forgotten the version: listed anew")
)

// Server is one that is asked.
type Server struct {
	client             *http.Client
	url, token, asking string
}

// New gives the server at a URL. It is believed by the authority in a file, and shown the token in another. `asking` is
// who asks, for the server's audit log.
func New(url, authority, token, asking string) (*Server, error) {
	if url == "" {
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
	return With(&http.Client{Transport: transport}, url, token, asking), nil
}

// With gives the server at a URL as an HTTP client reaches it.
func With(client *http.Client, url, token, asking string) *Server {
	return &Server{client, strings.TrimSuffix(url, "/"), token, asking}
}

// InCluster is the URL of a pod's own server; empty: this is no pod.
func InCluster() string {
	host, port := os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT")
	if host == "" {
		return ""
	}
	return "https://" + net.JoinHostPort(host, port)
}

// Pause waits, or until the context ends.
func Pause(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}

// get gives the body of an answer, to be closed; ErrGone for 410, ErrRefused for 401 and 403.
func (s *Server) get(ctx context.Context, path string, query url.Values) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, s.url+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(s.token) // the kubelet writes another one each hour
	if err != nil {
		return nil, err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("Accept", "application/json")
	request.Header.Set("User-Agent", s.asking)
	answer, err := s.client.Do(request)
	if err != nil {
		return nil, err
	}
	if answer.StatusCode == http.StatusOK {
		return answer.Body, nil
	}
	defer answer.Body.Close()
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	switch answer.StatusCode {
	case http.StatusGone:
		return nil, ErrGone
	case http.StatusUnauthorized, http.StatusForbidden:
		return nil, fmt.Errorf("%s: %w: %s: %s", path, ErrRefused, answer.Status, text)
	}
	return nil, fmt.Errorf("%s: %s: %s", path, answer.Status, text)
}
