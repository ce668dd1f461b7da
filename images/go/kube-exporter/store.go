package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"sync"
	"time"

	"navarch.dev/images/kube-api"
)

// store holds the series of all objects of a kind, as text.
type store struct {
	kind kind

	lock    sync.Mutex
	objects map[string]entry // by UID
	round   int              // of the newest list
	heard   time.Time        // when the server last said something; zero before the first list is whole
	errors  int
}

type entry struct {
	series rendered
	round  int
}

func newStore(kind kind) *store {
	return &store{kind: kind, objects: map[string]entry{}}
}

// list learns all objects anew, and gives the version to watch from. What is there no more goes at its end.
func (s *store) list(ctx context.Context, api *kubeapi.Server, page int) (string, error) {
	s.lock.Lock()
	s.round++
	s.lock.Unlock()
	query := url.Values{"limit": {strconv.Itoa(page)}}
	var about kubeapi.Listed
	for more := true; more; more = about.Continue != "" {
		var err error
		about, err = api.Page(ctx, s.kind.path, query, func(raw json.RawMessage) error {
			_, err := s.put(raw)
			return err
		})
		if err != nil {
			return "", err
		}
		query.Set("continue", about.Continue)
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	for uid, entry := range s.objects {
		if entry.round != s.round {
			delete(s.objects, uid)
		}
	}
	s.heard = time.Now()
	return about.ResourceVersion, nil
}

// watch follows what happens from a version on; gives the version that it came to.
func (s *store) watch(ctx context.Context, api *kubeapi.Server, version string) (string, error) {
	err := api.Watch(ctx, s.kind.path, version, func(heard kubeapi.Event) error {
		var about metadata
		var err error
		switch heard.Type {
		case "ADDED", "MODIFIED":
			about, err = s.put(heard.Object)
		case "DELETED":
			about, err = s.take(heard.Object)
		default: // a bookmark
			about, err = metadataOf(heard.Object)
		}
		if err != nil {
			return err
		}
		version = about.ResourceVersion
		s.lock.Lock()
		s.heard = time.Now()
		s.lock.Unlock()
		return nil
	})
	return version, err
}

func (s *store) put(raw json.RawMessage) (metadata, error) {
	about, series, err := s.kind.render(raw)
	if err != nil {
		return about, fmt.Errorf("%s: %w", s.kind.resource, err)
	}
	s.lock.Lock()
	defer s.lock.Unlock()
	s.objects[about.UID] = entry{series, s.round}
	return about, nil
}

func (s *store) take(raw json.RawMessage) (metadata, error) {
	about, err := metadataOf(raw)
	s.lock.Lock()
	defer s.lock.Unlock()
	delete(s.objects, about.UID)
	return about, err
}

func (s *store) failed() {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.errors++
}

// seen is what a store holds at a moment.
type seen struct {
	objects []rendered
	heard   time.Time
	errors  int
}

func (s *store) look() seen {
	s.lock.Lock()
	defer s.lock.Unlock()
	objects := make([]rendered, 0, len(s.objects))
	for _, entry := range s.objects {
		objects = append(objects, entry.series)
	}
	return seen{objects, s.heard, s.errors}
}

// lastHeard is when the server last said something of the kind; zero before the first list is whole.
func (s *store) lastHeard() time.Time {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.heard
}

func metadataOf(raw json.RawMessage) (metadata, error) {
	var object struct {
		Metadata metadata `json:"metadata"`
	}
	err := json.Unmarshal(raw, &object)
	return object.Metadata, err
}
