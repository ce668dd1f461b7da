package main

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestTheWorksEndIsWaitedFor(t *testing.T) {
	wrong := errors.New("wrong")
	for name, of := range map[string]struct {
		stop  func(cancel func(), lost chan struct{}) // what happens after a minute
		works time.Duration                           // how long the work goes on after it is told to end
		fails error                                   // what it then says
		said  string
		takes time.Duration
	}{
		"asked to stop":       {func(cancel func(), _ chan struct{}) { cancel() }, 5 * time.Second, nil, "", 65 * time.Second},
		"asked, and it fails": {func(cancel func(), _ chan struct{}) { cancel() }, 0, wrong, "wrong", time.Minute},
		"the lease is lost": {func(_ func(), lost chan struct{}) { close(lost) }, 5 * time.Second, nil,
			"the lease cert-manager-controller is not ours any more", 65 * time.Second},
		"it does not end": {func(_ func(), lost chan struct{}) { close(lost) }, time.Hour, nil,
			"the lease cert-manager-controller is not ours any more\nthe controllers did not end in time", 80 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				lost := make(chan struct{})
				begun := time.Now()
				go func() {
					time.Sleep(time.Minute)
					of.stop(cancel, lost)
				}()
				err := during(ctx, lost, func(ctx context.Context) error {
					<-ctx.Done()
					time.Sleep(of.works)
					return of.fails
				})
				if said := text(err); said != of.said {
					t.Errorf("%q, not %q", said, of.said)
				}
				if took := time.Since(begun); took != of.takes {
					t.Errorf("took %s, not %s", took, of.takes)
				}
				time.Sleep(of.works) // no goroutine may be left
			})
		})
	}
}

func TestWorkThatEndsByItselfIsSaid(t *testing.T) {
	for _, ended := range []struct {
		with error
		said string
	}{{nil, "the controllers ended"}, {errors.New("wrong"), "wrong"}} {
		err := during(t.Context(), nil, func(context.Context) error { return ended.with })
		if said := text(err); said != ended.said {
			t.Errorf("%q, not %q", said, ended.said)
		}
	}
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}
