package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"navarch.dev/images/kube-api"
)

// text gives an object's series, one a line.
func text(t *testing.T, kind kind, object string) string {
	t.Helper()
	_, series, err := kind.render(json.RawMessage(object))
	if err != nil {
		t.Fatal(err)
	}
	return series.text
}

func has(t *testing.T, text string, lines ...string) {
	t.Helper()
	for _, line := range lines {
		if !strings.Contains("\n"+text, "\n"+line+"\n") {
			t.Errorf("no %s in\n%s", line, text)
		}
	}
}

func TestQuantities(t *testing.T) {
	for text, want := range map[string]float64{
		"250m": .25, "1": 1, "1.5": 1.5, "16Gi": 16 << 30, "128974848": 128974848, "1e3": 1000, "2k": 2000,
		"1E": 1e18, "100n": 1e-7,
	} {
		if got, ok := quantity(text); !ok || got != want {
			t.Errorf("%s is %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "m", "1Xi", "one"} {
		if got, ok := quantity(text); ok {
			t.Errorf("%q is %v", text, got)
		}
	}
}

func TestLabelsAreEscaped(t *testing.T) {
	one := samples{name: "x"}
	one.add(0.5, "a", "say \"hi\"\\\n")
	if got := string(one.text); got != `x{a="say \"hi\"\\\n"} 0.5`+"\n" {
		t.Error(got)
	}
}

func TestAJobThatFailed(t *testing.T) {
	job := `{"metadata": {"name": "j", "namespace": "n"}, "status": {"failed": 3, "conditions": [%s]}}`
	has(t, text(t, jobs, fmt.Sprintf(job, "")), `kube_job_status_failed{namespace="n",job_name="j",reason=""} 3`)
	said := text(t, jobs, fmt.Sprintf(job, `{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}`))
	has(t, said,
		`kube_job_status_failed{namespace="n",job_name="j",reason="BackoffLimitExceeded"} 1`,
		`kube_job_status_failed{namespace="n",job_name="j",reason="Evicted"} 0`,
		`kube_job_failed{namespace="n",job_name="j",condition="true"} 1`,
		`kube_job_failed{namespace="n",job_name="j",condition="false"} 0`)
}

func TestSharesOfReplicas(t *testing.T) {
	deployment := `{"metadata": {"name": "d", "namespace": "n"}, "spec": {"replicas": 10, "strategy": {"rollingUpdate":
		{"maxUnavailable": "25%", "maxSurge": "25%"}}}}`
	has(t, text(t, deployments, deployment),
		`kube_deployment_spec_strategy_rollingupdate_max_unavailable{namespace="n",deployment="d"} 2`,
		`kube_deployment_spec_strategy_rollingupdate_max_surge{namespace="n",deployment="d"} 3`)
}

// server is an API server with the namespaces that `pages` lists, and `watches`, one after the other.
func server(t *testing.T, pages map[string]string, watches ...string) *kubeapi.Server {
	t.Helper()
	made := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer secret" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		query := r.URL.Query()
		if query.Get("watch") == "" {
			fmt.Fprint(w, pages[query.Get("continue")])
			return
		}
		if len(watches) == 0 {
			http.Error(w, "too old", http.StatusGone)
			return
		}
		fmt.Fprint(w, watches[0])
		watches = watches[1:]
	}))
	t.Cleanup(made.Close)
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return kubeapi.With(made.Client(), made.URL, token, "tests")
}

func named(name string) string {
	metadata := fmt.Sprintf(`{"name": %q, "uid": %q, "resourceVersion": "7"}`, name, name)
	return `{"metadata": ` + metadata + `, "status": {"phase": "Active"}}`
}

// page is an answer to a list, without its end.
func page(metadata string, items ...string) string {
	return `{"kind": "NamespaceList", "metadata": {` + metadata + `}, "items": [` + strings.Join(items, ",")
}

func names(store *store) string {
	return strings.Join(sorted(store.objects), " ")
}

func TestAListIsReadPageByPageAndWatchedFromThere(t *testing.T) {
	api := server(t, map[string]string{
		"":  page(`"resourceVersion": "5", "continue": "2"`, named("a"), named("b")) + "]}",
		"2": page(`"resourceVersion": "5"`, named("c")) + "]}",
	}, `{"type": "DELETED", "object": `+named("a")+`}`+"\n"+`{"type": "ADDED", "object": `+named("d")+`}`+"\n"+
		`{"type": "BOOKMARK", "object": {"metadata": {"resourceVersion": "9"}}}`)
	store := newStore(namespaces)
	version, err := store.list(context.Background(), api, 500)
	if err != nil || version != "5" || names(store) != "a b c" {
		t.Fatal(version, err, names(store))
	}
	version, err = store.watch(context.Background(), api, version)
	if err != nil || version != "9" || names(store) != "b c d" {
		t.Fatal(version, err, names(store))
	}
	if _, err = store.watch(context.Background(), api, version); err != kubeapi.ErrGone {
		t.Fatal(err)
	}
}

func TestWhatIsGoneAtTheNextListGoes(t *testing.T) {
	pages := map[string]string{"": page(`"resourceVersion": "5"`, named("a"), named("b")) + "]}"}
	api, store := server(t, pages), newStore(namespaces)
	if _, err := store.list(context.Background(), api, 500); err != nil {
		t.Fatal(err)
	}
	pages[""] = page(`"resourceVersion": "6"`, named("b"))
	if _, err := store.list(context.Background(), api, 500); err == nil || names(store) != "a b" {
		t.Fatal("an answer that was cut off is taken for a whole one", err)
	}
	pages[""] += "]}"
	if _, err := store.list(context.Background(), api, 500); err != nil || names(store) != "b" {
		t.Fatal(names(store), err)
	}
	pages[""] = `{"metadata": {"resourceVersion": "7"}, "items": null}`
	if _, err := store.list(context.Background(), api, 500); err != nil || names(store) != "" {
		t.Fatal(names(store), err)
	}
}

func TestNothingIsSaidBeforeAllIsKnownNorLongAfter(t *testing.T) {
	one, now := newStore(namespaces), time.Unix(1_800_000_000, 0)
	site := handler([]*store{one}, func() time.Time { return now })
	ask := func(path string) *httptest.ResponseRecorder {
		answer := httptest.NewRecorder()
		site.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, nil))
		return answer
	}
	for _, path := range []string{"/metrics", "/readyz"} {
		if answer := ask(path); answer.Code != 503 || answer.Body.String() != "not heard of: namespaces\n" {
			t.Error(path, answer.Code, answer.Body)
		}
	}
	if answer := ask("/healthz"); answer.Code != 200 {
		t.Error(answer.Code)
	}
	if _, err := one.put(json.RawMessage(named("a"))); err != nil {
		t.Fatal(err)
	}
	one.heard = now.Add(-4 * time.Minute)
	answer := ask("/metrics")
	has(t, answer.Body.String(), "# TYPE kube_namespace_status_phase gauge",
		`kube_namespace_status_phase{namespace="a",phase="Active"} 1`,
		`kube_namespace_status_phase{namespace="a",phase="Terminating"} 0`,
		`kube_exporter_objects{resource="namespaces"} 1`)
	one.heard = now.Add(-6 * time.Minute)
	if answer := ask("/metrics"); answer.Code != 503 {
		t.Error(answer.Code)
	}
}

func TestEveryNameIsThereOnce(t *testing.T) {
	seen := map[string]bool{}
	for _, kind := range kinds {
		for _, family := range kind.families {
			if seen[family.name] || strings.ContainsAny(family.help, "\n\\") || family.help == "" {
				t.Error(family.name)
			}
			seen[family.name] = true
		}
	}
}
