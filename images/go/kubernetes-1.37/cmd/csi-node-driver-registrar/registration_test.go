package main

import (
	"context"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

type driver struct {
	csi.UnimplementedIdentityServer
	names []string // one answer each, the last one for ever
}

func (d *driver) GetPluginInfo(context.Context, *csi.GetPluginInfoRequest) (*csi.GetPluginInfoResponse, error) {
	name := d.names[0]
	if len(d.names) > 1 {
		d.names = d.names[1:]
	}
	return &csi.GetPluginInfoResponse{Name: name}, nil
}

func startDriver(t *testing.T, address string, names ...string) {
	t.Helper()
	listener, err := net.Listen("unix", address)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	csi.RegisterIdentityServer(server, &driver{names: names})
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
}

// kubelet is a client on the registration socket, made as soon as the socket is there.
func kubelet(t *testing.T, path string) registerapi.RegistrationClient {
	t.Helper()
	deadline := time.Now().Add(5 * time.Second)
	for {
		if _, err := os.Stat(path); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no socket at %s", path)
		}
		time.Sleep(10 * time.Millisecond)
	}
	connection, err := grpc.NewClient("unix:"+path, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return registerapi.NewRegistrationClient(connection)
}

func TestTheDriverIsAskedUntilItGivesItsName(t *testing.T) {
	address := filepath.Join(t.TempDir(), "csi.sock")
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	go func() {
		time.Sleep(200 * time.Millisecond) // the driver's container starts later
		startDriver(t, address, "", "cinder.csi.openstack.org")
	}()
	name, err := driverName(ctx, address)
	if err != nil || name != "cinder.csi.openstack.org" {
		t.Fatalf("got %q, %v", name, err)
	}
}

func TestAskingADriverThatNeverComesEndsWithTheProgram(t *testing.T) {
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if _, err := driverName(ctx, filepath.Join(t.TempDir(), "none.sock")); !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("got %v", err)
	}
}

func TestTheKubeletLearnsNameAndSocketAndTheSocketGoesAtTheEnd(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.driver-reg.sock")
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() {
		ended <- serve(ctx, folder, newRegistration("a.driver", "/var/lib/kubelet/plugins/a.driver/csi.sock"))
	}()
	client := kubelet(t, path)
	info, err := client.GetInfo(ctx, &registerapi.InfoRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if info.GetType() != "CSIPlugin" || info.GetName() != "a.driver" ||
		info.GetEndpoint() != "/var/lib/kubelet/plugins/a.driver/csi.sock" || info.GetSupportedVersions()[0] != "1.0.0" {
		t.Errorf("got %v", info)
	}
	if mode := must(os.Stat(path)).Mode().Perm(); mode != 0o700 {
		t.Errorf("others may use the socket: %v", mode)
	}
	if _, err := client.NotifyRegistrationStatus(ctx, &registerapi.RegistrationStatus{PluginRegistered: true}); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("ended with %v", err)
	}
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the socket is still there: %v", err)
	}
}

func TestASocketLeftBehindIsReplaced(t *testing.T) {
	folder := t.TempDir()
	path := filepath.Join(folder, "a.driver-reg.sock")
	if err := os.WriteFile(path, []byte("stale"), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	go func() { _ = serve(ctx, folder, newRegistration("a.driver", "/csi.sock")) }()
	client := kubelet(t, path)
	if _, err := client.GetInfo(ctx, &registerapi.InfoRequest{}, grpc.WaitForReady(true)); err != nil {
		t.Fatal(err)
	}
}

func TestARefusalEndsTheProgramWithTheKubeletsReason(t *testing.T) {
	folder := t.TempDir()
	ended := make(chan error, 1)
	go func() { ended <- serve(context.Background(), folder, newRegistration("a.driver", "/csi.sock")) }()
	client := kubelet(t, filepath.Join(folder, "a.driver-reg.sock"))
	status := &registerapi.RegistrationStatus{PluginRegistered: false, Error: "no such driver"}
	if _, err := client.NotifyRegistrationStatus(context.Background(), status); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "no such driver") {
			t.Errorf("ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("still running")
	}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}
