package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"navarch.dev/images/kube-api"
)

// made is an event of a version, which says that version.
func made(version int) string {
	return fmt.Sprintf(`{"metadata": {"uid": "u", "resourceVersion": "%d"}, "note": "says %d"}`, version, version)
}

// page is an answer to a list.
func page(version int, next string, items ...string) string {
	about := fmt.Sprintf(`{"resourceVersion": "%d", "continue": %q}`, version, next)
	return `{"metadata": ` + about + `, "items": [` + strings.Join(items, ",") + `]}`
}

func said(kind string, version int) string {
	return fmt.Sprintf(`{"type": %q, "object": %s}`, kind, made(version))
}

const gone = `{"type": "ERROR", "object": {"code": 410, "message": "too old resource version"}}`

// server answers each request with the next of what it is to say, once the request asks for what is expected.
type server struct {
	t     *testing.T
	steps []step
}

// step: what is asked for (a part of the query), and the answer; a number is a status.
type step struct{ asked, answer string }

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if len(s.steps) == 0 {
		<-r.Context().Done()
		return
	}
	now := s.steps[0]
	s.steps = s.steps[1:]
	if r.URL.Path != path || !strings.Contains("&"+r.URL.RawQuery+"&", "&"+now.asked+"&") {
		s.t.Errorf("asked %s, not for %s", r.URL, now.asked)
	}
	if r.Header.Get("Authorization") != "Bearer secret" {
		s.t.Errorf("without the token")
	}
	if len(now.answer) == 3 {
		var status int
		_, _ = fmt.Sscan(now.answer, &status)
		http.Error(w, "no", status)
		return
	}
	fmt.Fprint(w, now.answer)
}

// follows gives what is told until all steps are taken, and how it ended.
func follows(t *testing.T, state string, steps ...step) (string, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	answers := &server{t, steps}
	site := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(answers.steps) == 0 {
			cancel()
		}
		answers.ServeHTTP(w, r)
	}))
	defer site.Close()
	defer cancel()
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	teller, err := newTeller(&out, state)
	if err != nil {
		t.Fatal(err)
	}
	err = (&follower{kubeapi.With(site.Client(), site.URL, token, "tests"), teller, 2, 0}).follow(ctx)
	if len(answers.steps) > 0 && err == nil {
		t.Errorf("not asked: %v", answers.steps)
	}
	var told []string
	for decoder := json.NewDecoder(&out); decoder.More(); {
		var one line
		if err := decoder.Decode(&one); err != nil {
			t.Fatal(err)
		}
		told = append(told, strings.TrimPrefix(one.Message, "says "))
	}
	return strings.Join(told, " "), err
}

func expect(t *testing.T, want string) func(string, error) {
	t.Helper()
	return func(got string, err error) {
		t.Helper()
		if got != want || err != nil {
			t.Errorf("told %q, not %q; %v", got, want, err)
		}
	}
}

func TestAListIsToldPageByPageAndWatchedFromThere(t *testing.T) {
	expect(t, "9 3 5 12 13")(follows(t, "",
		step{"limit=2", page(10, "more", made(9), made(3))},
		step{"continue=more", page(10, "", made(5))},
		step{"resourceVersion=10", said("ADDED", 12) + said("BOOKMARK", 12) + said("MODIFIED", 13) + said("DELETED", 14)},
		step{"resourceVersion=14", ""},
	))
}

func TestAPageThatFailsIsAskedForAgain(t *testing.T) {
	expect(t, "1 2")(follows(t, "",
		step{"limit=2", page(10, "more", made(1))},
		step{"continue=more", "500"},
		step{"continue=more", page(10, "", made(2))},
	))
}

func TestWhatAServerHasForgottenIsListedAndNothingIsToldTwice(t *testing.T) {
	expect(t, "4 11 12 15")(follows(t, "",
		step{"limit=2", page(10, "", made(4))},
		step{"resourceVersion=10", said("ADDED", 11) + gone},
		step{"limit=2", page(20, "", made(4), made(11), made(12), made(15))},
		step{"resourceVersion=20", ""},
	))
}

func TestItGoesOnWhereItWasAfterARestart(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	expect(t, "4 11")(follows(t, state,
		step{"limit=2", page(10, "", made(4))}, step{"resourceVersion=10", said("ADDED", 11)}))
	expect(t, "12")(follows(t, state,
		step{"resourceVersion=11", said("ADDED", 12)}))
	if err := os.WriteFile(state, []byte("torn\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "4 11 12")(follows(t, state,
		step{"limit=2", page(12, "", made(4), made(11), made(12))}))
}

func TestAServerThatWasRestoredFromABackupIsToldAnew(t *testing.T) {
	state := filepath.Join(t.TempDir(), "state")
	if err := os.WriteFile(state, []byte("1000"), 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, "998 1000")(follows(t, state,
		step{"resourceVersion=1000", "504"}, // the server: too large resource version
		step{"limit=2", page(999, "", made(998))},
		step{"resourceVersion=999", said("ADDED", 1000)},
	))
}

func TestAServerThatRefusesForAMomentIsAskedAgain(t *testing.T) {
	expect(t, "1")(follows(t, "",
		step{"limit=2", "403"},
		step{"limit=2", page(10, "", made(1))},
		step{"resourceVersion=10", "403"},
		step{"limit=2", page(10, "", made(1))},
	))
}

func TestWhatTheServerRefusesEndsIt(t *testing.T) {
	for _, status := range []string{"401", "403"} {
		if told, err := follows(t, "", step{"limit=2", status}, step{"limit=2", status}); err == nil || !strings.Contains(err.Error(), status) {
			t.Errorf("%s: told %q, %v", status, told, err)
		}
	}
}

func TestVersionsAreNumbersOfAnyLength(t *testing.T) {
	for _, pair := range [][2]string{{"10", "9"}, {"123456789012345678901", "99999999999999999999"}, {"12", "11"}} {
		if !after(pair[0], pair[1]) || after(pair[1], pair[0]) || after(pair[0], pair[0]) {
			t.Error(pair)
		}
	}
	for text, want := range map[string]bool{"1": true, "0": false, "": false, "1x": false, "-1": false, "01": false} {
		if isVersion(text) != want {
			t.Errorf("%q", text)
		}
	}
}

func TestALine(t *testing.T) {
	now := `"metadata": {"uid": "u", "resourceVersion": "7", "namespace": "n", "creationTimestamp": "2026-01-01T00:00:00Z"},
		"type": "Warning", "reason": "BackOff", "note": "a <b>\nc", "regarding": {"kind": "Pod", "namespace": "n", "name": "p"}`
	about := `"type":"Warning","reason":"BackOff","message":"a <b>\nc","namespace":"n","kind":"Pod","name":"p"`
	for added, want := range map[string]string{
		``: `{"time":"2026-01-01T00:00:00Z",` + about + `,"count":1,"controller":"","node":"","uid":"u","version":"7"}`,
		`, "eventTime": "2026-01-01T00:00:01.5Z", "reportingController": "c"`:// one that happened once
		`{"time":"2026-01-01T00:00:01.5Z",` + about + `,"count":1,"controller":"c","node":"","uid":"u","version":"7"}`,
		`, "eventTime": "2026-01-01T00:00:01Z", "series": {"count": 3, "lastObservedTime": "2026-01-01T00:00:09Z"}`:// again
		`{"time":"2026-01-01T00:00:09Z",` + about + `,"count":3,"controller":"","node":"","uid":"u","version":"7"}`,
		`, "eventTime": null, "deprecatedLastTimestamp": "2026-01-01T00:00:05Z", "deprecatedCount": 4, "deprecatedSource":
			{"component": "kubelet", "host": "w-1"}`: // of the API before
		`{"time":"2026-01-01T00:00:05Z",` + about +
			`,"count":4,"controller":"kubelet","node":"w-1","uid":"u","version":"7"}`,
	} {
		var out bytes.Buffer
		teller, _ := newTeller(&out, "")
		if err := teller.tell(parsed(t, `{`+now+added+`}`)); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); got != want+"\n" {
			t.Errorf("%s\n is not\n%s", got, want)
		}
	}
}

func parsed(t *testing.T, text string) (one event) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &one); err != nil {
		t.Fatal(err)
	}
	return one
}

func TestAMessageIsCut(t *testing.T) {
	cut := shortened(strings.Repeat("é", longest))
	if len(cut) > longest+len("…") || !utf8.ValidString(cut) || !strings.HasSuffix(cut, "é…") {
		t.Errorf("%d bytes", len(cut))
	}
	if shortened("short") != "short" {
		t.Error("a short one is cut")
	}
}
