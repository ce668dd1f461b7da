package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// stale is how long nothing may be heard of a kind. Where the API server is away for longer, no figures are better than
// those of a cluster that was: whoever asks sees a target that is down.
const stale = 5 * time.Minute

func handler(stores []*store, now func() time.Time) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if missing := unheard(stores, now()); missing != "" {
			http.Error(w, missing, http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if missing := unheard(stores, now()); missing != "" {
			http.Error(w, missing, http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			write(w, stores)
			return
		}
		w.Header().Set("Content-Encoding", "gzip")
		packed, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		write(packed, stores)
		_ = packed.Close()
	})
	return mux
}

// unheard names the kinds of which nothing is known, or nothing new; nothing where there are none.
func unheard(stores []*store, now time.Time) string {
	var missing []string
	for _, store := range stores {
		if now.Sub(store.lastHeard()) > stale {
			missing = append(missing, store.kind.resource)
		}
	}
	if missing == nil {
		return ""
	}
	return "not heard of: " + strings.Join(missing, ", ")
}

// write gives all series: a family's stand together, as the format asks. Who asks has gone if a write fails.
func write(to io.Writer, stores []*store) {
	out := bufio.NewWriterSize(to, 64<<10)
	defer out.Flush()
	looks := make([]seen, len(stores))
	for i, store := range stores {
		looks[i] = store.look()
		for number, family := range store.kind.families {
			fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", family.name, family.help, family.name, family.kind)
			for _, object := range looks[i].objects {
				out.WriteString(object.of(number))
			}
		}
	}
	own(out, stores, looks)
}

// own says what the exporter knows of itself.
func own(out *bufio.Writer, stores []*store, looks []seen) {
	for _, figure := range []struct {
		name, kind, help string
		of               func(seen) float64
	}{
		{"kube_exporter_objects", gauge, "Objects that are known.", func(s seen) float64 { return float64(len(s.objects)) }},
		{"kube_exporter_heard_timestamp_seconds", gauge, "When the API server last said something of the kind.",
			func(s seen) float64 { return float64(s.heard.UnixMilli()) / 1000 }},
		{"kube_exporter_errors_total", "counter", "Lists and watches that failed.",
			func(s seen) float64 { return float64(s.errors) }},
	} {
		fmt.Fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", figure.name, figure.help, figure.name, figure.kind)
		for i, store := range stores {
			one := samples{name: figure.name}
			one.add(figure.of(looks[i]), "resource", store.kind.resource)
			out.Write(one.text)
		}
	}
}
