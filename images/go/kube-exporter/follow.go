package main

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"navarch.dev/images/kube-api"
)

const slowestRetry = 30 * time.Second

// follow keeps a store as the server has it, until the context ends. `page`: objects in one answer to a list.
func follow(ctx context.Context, api *kubeapi.Server, page int, store *store) {
	version, wait := "", time.Second
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		if version == "" {
			if version, err = store.list(ctx, api, page); err == nil {
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
				kubeapi.Pause(ctx, wait)
			}
			continue
		case errors.Is(err, kubeapi.ErrGone):
			version = ""
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		store.failed()
		slog.Warn("asking the API server", "kind", store.kind.resource, "error", err.Error(), "again", wait.String())
		kubeapi.Pause(ctx, wait/2+rand.N(wait/2))
		wait = min(2*wait, slowestRetry)
	}
}
