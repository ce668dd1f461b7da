package s3exporter

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
)

// store takes objects, or answers as it is told.
type store struct {
	answers func(http.ResponseWriter)
	held    map[string][]byte
	signed  []string
}

func (s *store) ServeHTTP(answer http.ResponseWriter, request *http.Request) {
	content, _ := io.ReadAll(request.Body)
	s.signed = append(s.signed, request.Header.Get("Authorization"))
	if s.answers != nil {
		s.answers(answer)
		return
	}
	s.held[request.Host+request.URL.EscapedPath()] = content
}

// trial gives a store, and what sends to it with the keys AK and SK.
func trial(t *testing.T, change func(*Config)) (*store, *sender) {
	t.Helper()
	made := &store{held: map[string][]byte{}}
	server := httptest.NewServer(made)
	t.Cleanup(server.Close)
	c := defaults().(*Config)
	c.ClientConfig.Endpoint, c.Bucket, c.Prefix, c.Source = server.URL, "logs", "shop", "w-1"
	c.Credentials = t.TempDir()
	keys(t, c, "AK\n", "SK")
	if change != nil {
		change(c)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	there := server.Listener.Addr().String()
	client := &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "tcp", there)
	}}}
	bucket, err := newBucket(c, client)
	if err != nil {
		t.Fatal(err)
	}
	return made, &sender{config: c, bucket: bucket}
}

func keys(t *testing.T, c *Config, access, secret string) {
	t.Helper()
	for name, text := range map[string]string{"accessKey": access, "secretKey": secret} {
		if err := os.WriteFile(filepath.Join(c.Credentials, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

var noon = time.Date(2026, 12, 1, 12, 0, 0, 5, time.UTC)

// batch has records of these times, with their place as body.
func batch(times ...time.Time) plog.Logs {
	made := plog.NewLogs()
	resource := made.ResourceLogs().AppendEmpty()
	resource.Resource().Attributes().PutStr("k8s.pod.name", "web-1")
	scope := resource.ScopeLogs().AppendEmpty()
	for at, when := range times {
		record := scope.LogRecords().AppendEmpty()
		record.SetTimestamp(pcommon.NewTimestampFromTime(when))
		record.Body().SetInt(int64(at))
	}
	return made
}

func read(t *testing.T, content []byte) string {
	t.Helper()
	reader, err := gzip.NewReader(bytes.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(reader)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestRecordsAreInTheObjectOfTheirHourInTheirOrder(t *testing.T) {
	store, sender := trial(t, nil)
	next := noon.Add(time.Hour)
	if err := sender.send(t.Context(), batch(noon, next, noon.Add(-time.Nanosecond*6), noon)); err != nil {
		t.Fatal(err)
	}
	found := map[string]string{}
	for key, content := range store.held {
		_, folder, _ := strings.Cut(key, "/logs/shop/")
		folder, name, _ := strings.Cut(folder, "/w-1-")
		if len(name) != 32+len(".json.gz") || !strings.HasSuffix(name, ".json.gz") {
			t.Error(key)
		}
		found[folder] = read(t, content)
	}
	ends := `,"resource":{"k8s.pod.name":"web-1"}}` + "\n"
	for folder, text := range map[string]string{
		"year%3D2026/month%3D12/day%3D01/hour%3D11": `{"time":"2026-12-01T11:59:59.999999999Z","body":2` + ends,
		"year%3D2026/month%3D12/day%3D01/hour%3D12": `{"time":"2026-12-01T12:00:00.000000005Z","body":0` + ends +
			`{"time":"2026-12-01T12:00:00.000000005Z","body":3` + ends,
		"year%3D2026/month%3D12/day%3D01/hour%3D13": `{"time":"2026-12-01T13:00:00.000000005Z","body":1` + ends,
	} {
		if found[folder] != text {
			t.Errorf("%s: %s", folder, found[folder])
		}
	}
	if len(store.held) != 3 {
		t.Error(len(store.held))
	}
}

func TestABatchThatIsSentAgainIsWrittenOver(t *testing.T) {
	store, sender := trial(t, nil)
	same := batch(noon, noon.Add(time.Hour))
	for range 2 {
		if err := sender.send(t.Context(), same); err != nil {
			t.Fatal(err)
		}
	}
	if len(store.signed) != 4 || len(store.held) != 2 {
		t.Errorf("%d requests, %d objects", len(store.signed), len(store.held))
	}
}

func TestALineHasAllThatARecordHas(t *testing.T) {
	made := plog.NewLogs()
	scope := made.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty()
	scope.Scope().SetName("shop")
	record := scope.LogRecords().AppendEmpty()
	record.SetObservedTimestamp(pcommon.NewTimestampFromTime(noon))
	record.SetSeverityNumber(plog.SeverityNumberWarn2)
	record.SetTraceID([16]byte{15: 1})
	record.SetSpanID([8]byte{7: 2})
	record.Body().SetEmptyMap().PutDouble("of", math.Inf(1))
	record.Attributes().PutDouble("rate", math.NaN())
	record.Attributes().PutEmptySlice("list").AppendEmpty().SetDouble(math.Inf(-1))
	record.Attributes().PutStr("said", "<a & b>\xff")
	second := scope.LogRecords().AppendEmpty() // without any time
	second.SetSeverityText("odd")
	second.SetSeverityNumber(plog.SeverityNumberError)
	all := records(made, noon.Add(time.Hour).In(time.FixedZone("", 3600)))
	content, err := packed(all)
	if err != nil {
		t.Fatal(err)
	}
	wanted := `{"time":"2026-12-01T12:00:00.000000005Z","severity":"Warn2","body":{"of":"+Inf"},` +
		`"trace_id":"00000000000000000000000000000001","span_id":"0000000000000002","scope":"shop",` +
		`"attributes":{"list":["-Inf"],"rate":"NaN","said":"<a & b>\ufffd"}}` + "\n" +
		`{"time":"2026-12-01T13:00:00.000000005Z","severity":"odd","body":null,"scope":"shop"}` + "\n"
	if text := read(t, content); text != wanted {
		t.Error(text)
	}
	if all[1].folder != "year=2026/month=12/day=01/hour=13" {
		t.Error(all[1].folder)
	}
}

func TestTheBucketIsInThePathOrInTheHostsName(t *testing.T) {
	for path, change := range map[string]func(*Config){
		"s3.example.org/logs/year%3D2026": func(c *Config) { c.ClientConfig.Endpoint, c.Prefix = "http://s3.example.org/", "" },
		"s3.example.org/v1/logs/a/year":   func(c *Config) { c.ClientConfig.Endpoint, c.Prefix = "http://s3.example.org/v1", "a" },
		"logs.s3.example.org/shop/year": func(c *Config) {
			c.ClientConfig.Endpoint, c.PathStyle = "http://s3.example.org", false
		},
	} {
		store, sender := trial(t, change)
		if err := sender.send(t.Context(), batch(noon)); err != nil {
			t.Fatal(err)
		}
		for key := range store.held {
			if !strings.HasPrefix(key, path) {
				t.Errorf("%s, not %s", key, path)
			}
		}
	}
}

func TestWhatIsNotTakenIsToldWithoutWhatWasSigned(t *testing.T) {
	store, sender := trial(t, nil)
	store.answers = func(answer http.ResponseWriter) {
		answer.WriteHeader(http.StatusForbidden)
		_, _ = io.WriteString(answer, `<Error><Code>SignatureDoesNotMatch</Code><Message>not ours</Message>`+
			`<StringToSign>to sign</StringToSign></Error>`)
	}
	err := sender.send(t.Context(), batch(noon))
	if err == nil || !strings.Contains(err.Error(), "403 Forbidden") ||
		!strings.HasSuffix(err.Error(), "/logs: SignatureDoesNotMatch not ours") {
		t.Error(err)
	}
}

func TestASignatureIsSentNowhereElse(t *testing.T) {
	elsewhere, _ := trial(t, nil)
	other := httptest.NewServer(elsewhere)
	defer other.Close()
	store, sender := trial(t, nil)
	store.answers = func(answer http.ResponseWriter) {
		answer.Header().Set("Location", other.URL)
		answer.WriteHeader(http.StatusTemporaryRedirect)
	}
	if err := sender.send(t.Context(), batch(noon)); err == nil || !strings.Contains(err.Error(), "307") {
		t.Error(err)
	}
	if len(store.signed) != 1 || len(elsewhere.signed) != 0 {
		t.Error(len(store.signed), len(elsewhere.signed))
	}
}

func TestKeysCanBeReplaced(t *testing.T) {
	store, sender := trial(t, nil)
	for _, access := range []string{"AK", "BK"} {
		keys(t, sender.config, access, "SK")
		if err := sender.send(t.Context(), batch(noon)); err != nil {
			t.Fatal(err)
		}
	}
	for at, access := range []string{"AK", "BK"} {
		if !strings.HasPrefix(store.signed[at], "AWS4-HMAC-SHA256 Credential="+access+"/") {
			t.Error(store.signed[at])
		}
	}
	keys(t, sender.config, "AK", " ")
	if err := sender.send(t.Context(), batch(noon)); err == nil || err.Error() != "secretKey is empty" {
		t.Error(err)
	}
}

func TestWhatCannotWorkIsRefused(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no scheme":  func(c *Config) { c.ClientConfig.Endpoint = "s3.example.org" },
		"a password": func(c *Config) { c.ClientConfig.Endpoint = "https://a:b@s3.example.org" },
		"a query":    func(c *Config) { c.ClientConfig.Endpoint = "https://s3.example.org?a=b" },
		"no bucket":  func(c *Config) { c.Bucket = "" },
		"no region":  func(c *Config) { c.Region = "" },
		"no keys":    func(c *Config) { c.Credentials = "" },
		"no source":  func(c *Config) { c.Source = "" },
	} {
		_, sender := trial(t, nil)
		if change(sender.config); sender.config.Validate() == nil {
			t.Error(name)
		}
	}
}
