package s3exporter

import (
	"math"
	"strconv"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// folder is an hour's, as Hive calls parts of a table.
const folder = "year=2006/month=01/day=02/hour=15"

// line is a record as it is written.
type line struct {
	Time       string         `json:"time"` // RFC 3339, UTC
	Severity   string         `json:"severity,omitempty"`
	Body       any            `json:"body"`
	TraceID    string         `json:"trace_id,omitempty"`
	SpanID     string         `json:"span_id,omitempty"`
	Scope      string         `json:"scope,omitempty"`
	Attributes map[string]any `json:"attributes,omitempty"`
	Resource   map[string]any `json:"resource,omitempty"`
}

// record is one of a batch, with what it shares with others.
type record struct {
	at       time.Time
	folder   string
	is       plog.LogRecord
	scope    string
	resource pcommon.Map
}

// records are all of a batch, in its order. One without a time has that of its observation; without that, `now`.
func records(batch plog.Logs, now time.Time) []record {
	found := make([]record, 0, batch.LogRecordCount())
	for _, resource := range batch.ResourceLogs().All() {
		for _, scope := range resource.ScopeLogs().All() {
			for _, is := range scope.LogRecords().All() {
				at := now
				if is.Timestamp() != 0 {
					at = is.Timestamp().AsTime()
				} else if is.ObservedTimestamp() != 0 {
					at = is.ObservedTimestamp().AsTime()
				}
				at = at.UTC()
				found = append(found, record{at, at.Format(folder), is, scope.Scope().Name(), resource.Resource().Attributes()})
			}
		}
	}
	return found
}

func (r record) line() line {
	severity := r.is.SeverityText()
	if severity == "" && r.is.SeverityNumber() != plog.SeverityNumberUnspecified {
		severity = r.is.SeverityNumber().String()
	}
	written := line{
		Time:       r.at.Format(time.RFC3339Nano),
		Severity:   severity,
		Body:       plain(r.is.Body().AsRaw()),
		Scope:      r.scope,
		Attributes: plainMap(r.is.Attributes()),
		Resource:   plainMap(r.resource),
	}
	if id := r.is.TraceID(); !id.IsEmpty() {
		written.TraceID = id.String()
	}
	if id := r.is.SpanID(); !id.IsEmpty() {
		written.SpanID = id.String()
	}
	return written
}

func plainMap(values pcommon.Map) map[string]any {
	raw := values.AsRaw()
	plain(raw)
	return raw
}

// plain has the numbers that JSON has not as texts. Maps and lists are changed in place.
func plain(value any) any {
	switch value := value.(type) {
	case float64:
		if math.IsNaN(value) || math.IsInf(value, 0) {
			return strconv.FormatFloat(value, 'g', -1, 64)
		}
	case map[string]any:
		for key, inner := range value {
			value[key] = plain(inner)
		}
	case []any:
		for at, inner := range value {
			value[at] = plain(inner)
		}
	}
	return value
}
