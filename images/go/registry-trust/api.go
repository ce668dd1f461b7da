package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"time"
)

// errGone: the API server knows no such object, or knows us no more.
var errGone = errors.New("is gone")

// api reads single objects from the cluster's API server.
type api struct {
	server, folder string // the folder of the pod's account: token and ca.crt
}

func newAPI(folder string) *api {
	at := net.JoinHostPort(os.Getenv("KUBERNETES_SERVICE_HOST"), os.Getenv("KUBERNETES_SERVICE_PORT"))
	return &api{"https://" + at, folder}
}

// get reads the object at a path. The files are read anew each time: the kubelet writes another token each hour.
func (a *api) get(ctx context.Context, path string, into any) error {
	token, err := os.ReadFile(a.folder + "/token")
	if err != nil {
		return err
	}
	pem, err := os.ReadFile(a.folder + "/ca.crt")
	if err != nil {
		return err
	}
	roots := x509.NewCertPool()
	if !roots.AppendCertsFromPEM(pem) {
		return fmt.Errorf("%s/ca.crt holds no certificate", a.folder)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, a.server+path, nil)
	if err != nil {
		return err
	}
	request.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
	request.Header.Set("User-Agent", "navarch-registry-trust")
	transport := &http.Transport{
		TLSClientConfig:   &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		DisableKeepAlives: true,
	}
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	switch answer.StatusCode {
	case http.StatusOK:
		return json.NewDecoder(answer.Body).Decode(into)
	case http.StatusNotFound, http.StatusForbidden, http.StatusUnauthorized:
		return fmt.Errorf("%s: %s: %w", path, answer.Status, errGone)
	}
	text, _ := io.ReadAll(io.LimitReader(answer.Body, 300))
	return fmt.Errorf("%s: %s: %s", path, answer.Status, text)
}

// asked is what is asked of the cluster: where the registry is reached, and whether it goes.
type asked struct {
	api                           *api
	namespace, service, daemonSet string
	host                          string // empty: the balancer's address
}

// reached is the name or the address that images of the registry begin with.
func (a asked) reached(ctx context.Context) (string, error) {
	if a.host != "" {
		return a.host, nil
	}
	var service struct {
		Status struct {
			LoadBalancer struct {
				Ingress []struct {
					IP       string `json:"ip"`
					Hostname string `json:"hostname"`
				} `json:"ingress"`
			} `json:"loadBalancer"`
		} `json:"status"`
	}
	if err := a.api.get(ctx, "/api/v1/namespaces/"+a.namespace+"/services/"+a.service, &service); err != nil {
		return "", err
	}
	for _, one := range service.Status.LoadBalancer.Ingress {
		if one.IP != "" {
			return one.IP, nil
		}
		if one.Hostname != "" {
			return one.Hostname, nil
		}
	}
	return "", fmt.Errorf("the Service %s/%s has no address yet", a.namespace, a.service)
}

func (a asked) untilReached(ctx context.Context) (string, error) {
	for {
		reached, err := a.reached(ctx)
		if err == nil {
			return reached, nil
		}
		fmt.Fprintln(os.Stderr, err)
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(soon):
		}
	}
}

// goes is whether the DaemonSet is being removed, or its pods may ask nothing any more. Where the API server does not
// answer, it does not go: files that are left do less harm than ones that are missed.
func (a asked) goes(ctx context.Context) bool {
	var set struct {
		Metadata struct {
			DeletionTimestamp *string `json:"deletionTimestamp"`
		} `json:"metadata"`
	}
	err := a.api.get(ctx, "/apis/apps/v1/namespaces/"+a.namespace+"/daemonsets/"+a.daemonSet, &set)
	return errors.Is(err, errGone) || (err == nil && set.Metadata.DeletionTimestamp != nil)
}
