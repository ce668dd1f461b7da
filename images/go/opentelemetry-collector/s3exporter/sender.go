package s3exporter

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"time"

	"go.opentelemetry.io/collector/pdata/plog"
)

// sender turns batches into objects.
type sender struct {
	config *Config
	bucket *bucket
}

// send writes a batch: an object for each hour that it has records of. Every error leads to another attempt, with the
// whole batch: nothing in an object is a reason to refuse it, so what is wrong is outside, and somebody can mend it.
// An object is called after its content, so that what was written before is written over, not twice.
func (s *sender) send(ctx context.Context, batch plog.Logs) error {
	all := records(batch, time.Now())
	slices.SortStableFunc(all, func(a, b record) int { return cmp.Compare(a.folder, b.folder) })
	for len(all) > 0 {
		end := 1
		for end < len(all) && all[end].folder == all[0].folder {
			end++
		}
		content, err := packed(all[:end])
		if err != nil {
			return err
		}
		sum := sha256.Sum256(content)
		hash := hex.EncodeToString(sum[:])
		name := fmt.Sprintf("%s-%s.json.gz", s.config.Source, hash[:32])
		if err := s.bucket.put(ctx, path.Join(s.config.Prefix, all[0].folder, name), hash, content); err != nil {
			return err
		}
		all = all[end:]
	}
	return nil
}

func packed(all []record) ([]byte, error) {
	var content bytes.Buffer
	compressor := gzip.NewWriter(&content)
	encoder := json.NewEncoder(compressor)
	encoder.SetEscapeHTML(false)
	for _, one := range all {
		if err := encoder.Encode(one.line()); err != nil {
			return nil, err
		}
	}
	err := compressor.Close()
	return content.Bytes(), err
}
