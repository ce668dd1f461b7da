package kubeapi

import (
	"context"
	"encoding/json"
	"net/url"
	"time"
)

const pageTime = 2 * time.Minute // for one page

// Listed is what a page of a list says of the list. Continue: how the next one is asked for; empty after the last.
type Listed struct {
	ResourceVersion string `json:"resourceVersion"`
	Continue        string `json:"continue"`
}

// Page hands each object of a page to `each`, of which it holds one at a time. It fails where the answer is cut off, after
// what came before that was handed on.
func (s *Server) Page(
	ctx context.Context, path string, query url.Values, each func(json.RawMessage) error,
) (about Listed, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	body, err := s.get(ctx, path, query)
	if err != nil {
		return about, err
	}
	defer body.Close()
	decoder := json.NewDecoder(body)
	if _, err = decoder.Token(); err != nil { // {
		return about, err
	}
	for decoder.More() {
		key, err := decoder.Token()
		if err != nil {
			return about, err
		}
		switch key {
		case "metadata":
			err = decoder.Decode(&about)
		case "items":
			err = items(decoder, each)
		default:
			var other json.RawMessage
			err = decoder.Decode(&other)
		}
		if err != nil {
			return about, err
		}
	}
	_, err = decoder.Token() // }: an answer that was cut off is none
	return about, err
}

func items(decoder *json.Decoder, each func(json.RawMessage) error) error {
	start, err := decoder.Token()
	if err != nil || start == nil { // null where there are none
		return err
	}
	for decoder.More() {
		var item json.RawMessage
		if err := decoder.Decode(&item); err != nil {
			return err
		}
		if err := each(item); err != nil {
			return err
		}
	}
	_, err = decoder.Token()
	return err
}
