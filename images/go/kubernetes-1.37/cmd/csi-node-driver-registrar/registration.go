package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/container-storage-interface/spec/lib/go/csi"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	registerapi "k8s.io/kubelet/pkg/apis/pluginregistration/v1"
)

// The kubelet compares this with the CSI versions it speaks; all of 1.x are one to it.
const csiVersion = "1.0.0"

const pause = time.Second // between two questions to a driver that does not answer yet

// registration answers the kubelet's questions about one driver.
type registration struct {
	registerapi.UnimplementedRegistrationServer
	name     string
	endpoint string
	refused  chan error
}

func newRegistration(name, endpoint string) *registration {
	return &registration{name: name, endpoint: endpoint, refused: make(chan error, 1)}
}

// GetInfo says which driver this is and where the kubelet reaches it.
func (r *registration) GetInfo(context.Context, *registerapi.InfoRequest) (*registerapi.PluginInfo, error) {
	return &registerapi.PluginInfo{
		Type:              registerapi.CSIPlugin,
		Name:              r.name,
		Endpoint:          r.endpoint,
		SupportedVersions: []string{csiVersion},
	}, nil
}

// NotifyRegistrationStatus takes the kubelet's verdict; a refusal ends the program.
func (r *registration) NotifyRegistrationStatus(
	_ context.Context, status *registerapi.RegistrationStatus,
) (*registerapi.RegistrationStatusResponse, error) {
	if status.GetPluginRegistered() {
		log.Printf("the kubelet has registered %s", r.name)
		return &registerapi.RegistrationStatusResponse{}, nil
	}
	select {
	case r.refused <- fmt.Errorf("the kubelet refuses %s: %s", r.name, status.GetError()):
	default: // one refusal is enough to end
	}
	return &registerapi.RegistrationStatusResponse{}, nil
}

// driverName asks the driver for its name until it answers; the driver's container may start after this one.
func driverName(ctx context.Context, address string) (string, error) {
	connection, err := grpc.NewClient("unix:"+address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", fmt.Errorf("driver at %s: %w", address, err)
	}
	defer connection.Close()
	identity := csi.NewIdentityClient(connection)
	for {
		attempt, cancel := context.WithTimeout(ctx, 10*time.Second)
		answer, err := identity.GetPluginInfo(attempt, &csi.GetPluginInfoRequest{}, grpc.WaitForReady(true))
		cancel()
		if err == nil && answer.GetName() != "" {
			return answer.GetName(), nil
		}
		if err == nil {
			err = errors.New("it gives no name")
		}
		log.Printf("driver at %s: %v", address, err)
		select {
		case <-ctx.Done():
			return "", ctx.Err()
		case <-time.After(pause):
		}
	}
}

// serve puts the socket into the folder and answers on it until ctx ends or the kubelet refuses the driver. The socket is
// removed at the end, which the kubelet takes as the driver's leave.
func serve(ctx context.Context, folder string, r *registration) error {
	path := filepath.Join(folder, r.name+"-reg.sock")
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("left-over socket: %w", err)
	}
	// Whoever may write to the socket decides what the kubelet believes: only root may.
	previous := syscall.Umask(0o077)
	listener, err := net.Listen("unix", path)
	syscall.Umask(previous)
	if err != nil {
		return fmt.Errorf("registration socket: %w", err)
	}
	server := grpc.NewServer()
	registerapi.RegisterRegistrationServer(server, r)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	defer server.Stop() // closes the listener, which removes the socket
	select {
	case <-ctx.Done():
		return ctx.Err()
	case err := <-r.refused:
		// The answer to the refusal is still on its way; without it the kubelet would report a broken connection instead.
		server.GracefulStop()
		return err
	case err := <-ended:
		return fmt.Errorf("registration socket: %w", err)
	}
}
