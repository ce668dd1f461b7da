package main

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"

	"navarch.dev/images/kube-api"
)

const (
	path         = "/apis/events.k8s.io/v1/events"
	slowestRetry = 30 * time.Second
)

// errOutput: what is told can be written no more.
var errOutput = errors.New("standard output or the state")

type follower struct {
	api      *kubeapi.Server
	teller   *teller
	page     int
	patience time.Duration // with a server that refuses
}

// follow tells events until the context ends, which is no error. What fails is tried again, from a list on: that tells
// what is newer than what is told, whatever the server has forgotten meanwhile.
func (f *follower) follow(ctx context.Context) error {
	wait, anew := time.Second, f.teller.told == ""
	var refused time.Time // since when; zero: it is not
	for {
		began := time.Now()
		var err error
		if anew {
			err = f.list(ctx)
		} else {
			err = f.watch(ctx)
		}
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errOutput):
			return err
		case !errors.Is(err, kubeapi.ErrRefused):
			refused = time.Time{}
		case refused.IsZero():
			refused = began
		case time.Since(refused) > f.patience:
			return err
		}
		switch {
		case err == nil && (anew || time.Since(began) > time.Second):
			anew, wait = false, time.Second
			continue
		case err == nil: // a server that ends each watch at once is not asked without a pause
			kubeapi.Pause(ctx, time.Second)
			continue
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		anew = true
		slog.Warn("asking the API server", "error", err.Error(), "again", wait.String())
		kubeapi.Pause(ctx, wait/2+rand.N(wait/2))
		wait = min(2*wait, slowestRetry)
	}
}

// list tells what there is and was not told. Its pages are of one moment: one that fails is asked for again, since with
// another list those before it would be told twice. After five minutes the server has forgotten the moment.
func (f *follower) list(ctx context.Context) error {
	query := url.Values{"limit": {strconv.Itoa(f.page)}}
	for {
		events, about, err := f.read(ctx, query)
		for tries := 0; err != nil && query.Has("continue") && tries < 5 && !errors.Is(err, kubeapi.ErrRefused); tries++ {
			kubeapi.Pause(ctx, time.Second<<tries)
			events, about, err = f.read(ctx, query)
		}
		if err != nil {
			return err
		}
		if version := about.ResourceVersion; f.teller.told != "" && after(f.teller.told, version) {
			slog.Warn("the server is behind what was told: restored from a backup, all it has is told", "version", version)
			f.teller.told = ""
		}
		for _, event := range events {
			if err := f.teller.tell(event); err != nil {
				return errors.Join(errOutput, err)
			}
		}
		if about.Continue == "" {
			return f.reached(about.ResourceVersion)
		}
		query.Set("continue", about.Continue)
	}
}

// read gives a page that is whole: of one that is asked for again nothing may be told before.
func (f *follower) read(ctx context.Context, query url.Values) (events []event, about kubeapi.Listed, err error) {
	about, err = f.api.Page(ctx, path, query, func(raw json.RawMessage) error {
		var one event
		err := json.Unmarshal(raw, &one)
		events = append(events, one)
		return err
	})
	return events, about, err
}

// watch tells what happens from what is told on.
func (f *follower) watch(ctx context.Context) error {
	return f.api.Watch(ctx, path, f.teller.told, func(said kubeapi.Event) error {
		var event event
		if err := json.Unmarshal(said.Object, &event); err != nil {
			return err
		}
		if said.Type == "ADDED" || said.Type == "MODIFIED" {
			if err := f.teller.tell(event); err != nil {
				return errors.Join(errOutput, err)
			}
		}
		return f.reached(event.Metadata.ResourceVersion)
	})
}

func (f *follower) reached(version string) error {
	if err := f.teller.reached(version); err != nil {
		return errors.Join(errOutput, err)
	}
	return nil
}
