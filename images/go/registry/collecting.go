package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/distribution/distribution/v3/configuration"
	"github.com/distribution/distribution/v3/registry"
	"github.com/distribution/distribution/v3/registry/api/errcode"
	"github.com/distribution/distribution/v3/registry/storage"
	"github.com/distribution/distribution/v3/registry/storage/driver"
	"github.com/distribution/distribution/v3/registry/storage/driver/factory"
	"github.com/spf13/cobra"
)

// While unused blobs are looked for and removed, no manifest may come that names one of them. So `collect` leaves a
// notice in the storage, which every process of the registry looks for before it takes a manifest: there is no other
// place that all of them see, and none that outlives them. A notice says until when it holds, and is renewed: of a
// collection that died it ends by itself.
//
// Blobs may come meanwhile. One that is removed before its manifest comes makes that manifest be refused, and the client
// send it again: distribution looks for every blob of a manifest, provided that it remembers none
// (`storage.cache.blobdescriptor` is not set).
const (
	_notice = "/navarch-collecting"
	_holds  = 5 * time.Minute
	_renew  = time.Minute
)

func init() {
	registry.RegisterHandler(refusingManifests)
	registry.RootCmd.AddCommand(collectCommand())
}

// refusingManifests answers 503 to a manifest that comes while there is a notice, or while nobody can say.
func refusingManifests(config *configuration.Configuration, next http.Handler) http.Handler {
	parameters := config.Storage.Parameters()
	if config.Storage.Type() != "s3" {
		return next // a folder's registry stops while it is collected
	}
	store, err := factory.Create(context.Background(), config.Storage.Type(), parameters)
	if err != nil {
		return next // which says the same, and does not start
	}
	return refusing(store, next)
}

func refusing(store driver.StorageDriver, next http.Handler) http.Handler {
	return http.HandlerFunc(func(answer http.ResponseWriter, request *http.Request) {
		if request.Method == http.MethodPut && strings.Contains(request.URL.Path, "/manifests/") {
			until, err := noticeOf(request.Context(), store)
			said := ""
			if err != nil {
				said = "the storage does not say whether unused blobs are being removed"
			} else if time.Now().Before(until) {
				said = "unused blobs are being removed: images are pulled as ever, pushed again once that is done"
			}
			if said != "" {
				answer.Header().Set("Retry-After", "30")
				_ = errcode.ServeJSON(answer, errcode.ErrorCodeUnavailable.WithMessage(said)) // the client may be gone
				return
			}
		}
		next.ServeHTTP(answer, request)
	})
}

// noticeOf is until when manifests are refused; long ago where they are not.
func noticeOf(ctx context.Context, store driver.StorageDriver) (time.Time, error) {
	content, err := store.GetContent(ctx, _notice)
	if errors.As(err, &driver.PathNotFoundError{}) {
		return time.Time{}, nil
	}
	if err != nil {
		return time.Time{}, err
	}
	until, err := strconv.ParseInt(strings.TrimSpace(string(content)), 10, 64)
	if err != nil {
		return time.Time{}, fmt.Errorf("%s: %w", _notice, err)
	}
	return time.Unix(until, 0), nil
}

func leaveNotice(ctx context.Context, store driver.StorageDriver) error {
	until := strconv.FormatInt(time.Now().Add(_holds).Unix(), 10)
	return store.PutContent(ctx, _notice, []byte(until))
}

func collectCommand() *cobra.Command {
	untagged := false
	wait := 30 * time.Second
	command := &cobra.Command{
		Use:   "collect CONFIG",
		Short: "remove blobs that no manifest names, beside registries that run",
		Args:  cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, words []string) error {
			command.SilenceUsage = true
			file, err := os.Open(words[0])
			if err != nil {
				return err
			}
			defer file.Close()
			config, err := configuration.Parse(file)
			if err != nil {
				return err
			}
			store, err := factory.Create(command.Context(), config.Storage.Type(), config.Storage.Parameters())
			if err != nil {
				return err
			}
			return collect(command.Context(), store, wait, untagged)
		},
	}
	command.Flags().BoolVar(&untagged, "untagged", false, "remove manifests without a tag, too")
	command.Flags().DurationVar(&wait, "wait", wait, "how long manifests may take that came before the notice")
	return command
}

// collect leaves a notice, waits until manifests that were on their way are there, removes what none of them names, and
// takes the notice back. It ends where the notice cannot be renewed.
func collect(ctx context.Context, store driver.StorageDriver, wait time.Duration, untagged bool) error {
	if err := leaveNotice(ctx, store); err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	renewed := make(chan struct{})
	go func() {
		defer close(renewed)
		for {
			select {
			case <-ctx.Done():
				return
			case <-time.After(_renew):
			}
			if err := leaveNotice(ctx, store); err != nil {
				cancel(fmt.Errorf("the notice that keeps manifests out cannot be renewed: %w", err))
				return
			}
		}
	}()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(wait):
	}
	all, err := storage.NewRegistry(ctx, store)
	if err != nil {
		return err
	}
	err = storage.MarkAndSweep(ctx, store, all, storage.GCOpts{RemoveUntagged: untagged})
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	cancel(nil)
	<-renewed // or it would leave another notice
	return errors.Join(err, store.Delete(context.WithoutCancel(ctx), _notice))
}
