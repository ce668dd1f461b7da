package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"
)

const (
	// How long a watch may last; the server says something each minute (a bookmark), so one that is silent is dead.
	watchTime    = 8 * time.Minute
	silence      = 3 * time.Minute
	slowestRetry = 30 * time.Second
)

// errOutput: what is told can be written no more.
var errOutput = errors.New("standard output or the state")

type follower struct {
	api      *api
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
		case !errors.Is(err, errRefused):
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
			pause(ctx, time.Second)
			continue
		}
		if time.Since(began) > time.Minute {
			wait = time.Second
		}
		anew = true
		slog.Warn("asking the API server", "error", err.Error(), "again", wait.String())
		pause(ctx, wait/2+rand.N(wait/2))
		wait = min(2*wait, slowestRetry)
	}
}

// list tells what there is and was not told. Its pages are of one moment: one that fails is asked for again, since with
// another list those before it would be told twice. After five minutes the server has forgotten the moment.
func (f *follower) list(ctx context.Context) error {
	query := url.Values{"limit": {strconv.Itoa(f.page)}}
	for {
		page, err := f.api.list(ctx, query)
		for tries := 0; err != nil && query.Has("continue") && tries < 5 && !errors.Is(err, errRefused); tries++ {
			pause(ctx, time.Second<<tries)
			page, err = f.api.list(ctx, query)
		}
		if err != nil {
			return err
		}
		if version := page.Metadata.ResourceVersion; f.teller.told != "" && after(f.teller.told, version) {
			slog.Warn("the server is behind what was told: restored from a backup, all it has is told", "version", version)
			f.teller.told = ""
		}
		for _, event := range page.Items {
			if err := f.teller.tell(event); err != nil {
				return errors.Join(errOutput, err)
			}
		}
		if page.Metadata.Continue == "" {
			return f.reached(page.Metadata.ResourceVersion)
		}
		query.Set("continue", page.Metadata.Continue)
	}
}

// watch tells what happens from what is told on.
func (f *follower) watch(ctx context.Context) error {
	query := url.Values{
		"watch": {"true"}, "allowWatchBookmarks": {"true"}, "resourceVersion": {f.teller.told},
		"timeoutSeconds": {strconv.Itoa(int(watchTime.Seconds()) + rand.IntN(120))},
	}
	return f.api.watch(ctx, query, silence, func(said heard) error {
		var event event
		switch said.Type {
		case "ADDED", "MODIFIED", "DELETED", "BOOKMARK":
			if err := json.Unmarshal(said.Object, &event); err != nil {
				return err
			}
		default:
			return refusal(said.Object)
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

// refusal is the error that a server sends in a watch.
func refusal(raw json.RawMessage) error {
	var status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(raw, &status); err != nil {
		return err
	}
	return fmt.Errorf("%d: %s", status.Code, status.Message)
}

func pause(ctx context.Context, long time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(long):
	}
}
