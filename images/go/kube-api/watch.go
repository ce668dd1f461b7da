package kubeapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/url"
	"strconv"
	"time"
)

const (
	// How long a watch may last; the server says something each minute (a bookmark), so one that is silent is dead.
	watchTime = 8 * time.Minute
	silence   = 3 * time.Minute
)

// Event is what a watch says: Type is ADDED, MODIFIED, DELETED or BOOKMARK.
type Event struct {
	Type   string          `json:"type"`
	Object json.RawMessage `json:"object"`
}

// Watch hands each event from a version on to `each`, until the server ends it, which is no error. What the server says
// to be wrong is one: ErrGone for a version that it has forgotten.
func (s *Server) Watch(ctx context.Context, path, version string, each func(Event) error) error {
	return s.watch(ctx, path, version, silence, each)
}

func (s *Server) watch(
	ctx context.Context, path, version string, silence time.Duration, each func(Event) error,
) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	body, err := s.get(ctx, path, url.Values{
		"watch": {"true"}, "allowWatchBookmarks": {"true"}, "resourceVersion": {version},
		"timeoutSeconds": {strconv.Itoa(int(watchTime.Seconds()) + rand.IntN(120))},
	})
	if err != nil {
		return err
	}
	defer body.Close()
	silent := time.AfterFunc(silence, cancel)
	defer silent.Stop()
	decoder := json.NewDecoder(body)
	for {
		var heard Event
		if err := decoder.Decode(&heard); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		silent.Reset(silence)
		switch heard.Type {
		case "ADDED", "MODIFIED", "DELETED", "BOOKMARK":
			err = each(heard)
		default:
			err = refusal(heard.Object)
		}
		if err != nil {
			return err
		}
	}
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
	if status.Code == 410 {
		return ErrGone
	}
	return fmt.Errorf("%d: %s", status.Code, status.Message)
}
