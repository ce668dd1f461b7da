package kubeapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// server answers as it is told, whoever shows the token that is in the file now.
func server(t *testing.T, answer http.HandlerFunc) (*Server, string) {
	t.Helper()
	made := httptest.NewTLSServer(answer)
	t.Cleanup(made.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("first\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return With(made.Client(), made.URL+"/", token, "tests"), token
}

func nothing(json.RawMessage) error { return nil }

func TestTheTokenIsReadForEachRequest(t *testing.T) {
	var shown []string
	asked, token := server(t, func(w http.ResponseWriter, r *http.Request) {
		shown = append(shown, r.Header.Get("User-Agent")+" "+r.Header.Get("Authorization")+" "+r.URL.String())
		fmt.Fprint(w, `{"items": []}`)
	})
	for _, next := range []string{"second", "third"} {
		if _, err := asked.Page(t.Context(), "/api/v1/pods", nil, nothing); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(token, []byte(next), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if said := strings.Join(shown, "\n"); said != "tests Bearer first /api/v1/pods?\ntests Bearer second /api/v1/pods?" {
		t.Error(said)
	}
}

func TestWhatAServerRefusesIsToldApart(t *testing.T) {
	for status, want := range map[int]error{401: ErrRefused, 403: ErrRefused, 410: ErrGone, 500: nil} {
		asked, _ := server(t, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "why", status) })
		_, err := asked.Page(t.Context(), "/p", nil, nothing)
		for _, one := range []error{ErrRefused, ErrGone} {
			if errors.Is(err, one) != (one == want) {
				t.Errorf("%d: %v", status, err)
			}
		}
		if status != 410 && !strings.HasSuffix(err.Error(), http.StatusText(status)+": why\n") {
			t.Errorf("%d: %v", status, err)
		}
	}
}

func TestAnAnswerThatIsCutOffIsNone(t *testing.T) {
	whole := `{"kind": "L", "metadata": {"resourceVersion": "5", "continue": "x"}, "items": [{"a": 1}, {"b": 2}], "z": [1]}`
	for at := range len(whole) + 1 {
		asked, _ := server(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, whole[:at]) })
		count := 0
		about, err := asked.Page(t.Context(), "/p", nil, func(json.RawMessage) error { count++; return nil })
		if (err == nil) != (at == len(whole)) {
			t.Fatal(whole[:at], err)
		}
		if at == len(whole) && (about != Listed{"5", "x"} || count != 2) {
			t.Error(about, count)
		}
	}
}

func TestWhatAWatchSays(t *testing.T) {
	said := `{"type": "ADDED", "object": {"a": 1}}` + "\n" + `{"type": "BOOKMARK", "object": {"b": 2}}`
	for end, want := range map[string]string{
		"": "<nil>",
		`{"type": "ERROR", "object": {"code": 410, "message": "too old"}}`: ErrGone.Error(),
		`{"type": "ERROR", "object": {"code": 500, "message": "etcd"}}`:    "500: etcd",
	} {
		asked, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
			if query := r.URL.Query(); query.Get("watch") != "true" || query.Get("resourceVersion") != "7" {
				t.Error(r.URL)
			}
			fmt.Fprint(w, said+end)
		})
		var heard []string
		err := asked.Watch(t.Context(), "/p", "7", func(event Event) error {
			heard = append(heard, event.Type+string(event.Object))
			return nil
		})
		if fmt.Sprint(err) != want || strings.Join(heard, " ") != `ADDED{"a": 1} BOOKMARK{"b": 2}` {
			t.Error(heard, err)
		}
	}
}

func TestASilentWatchIsDead(t *testing.T) {
	asked, _ := server(t, func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	if asked.watch(t.Context(), "/p", "7", 10*time.Millisecond, func(Event) error { return nil }) == nil {
		t.Error("it ended well")
	}
}
