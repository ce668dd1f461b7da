package main

import (
	"encoding/json"
	"html/template"
	"log"
	"net"
	"net/http"
	"strings"
	"time"
)

const (
	maxBody = 16 << 10 // bytes of a request
	maxText = 2000     // characters of an entry
)

type site struct {
	pod  string
	node string
	book *book
}

// state is what both the page and the API show.
type state struct {
	Pod     string  `json:"pod"`
	Node    string  `json:"node"`
	Client  string  `json:"client"`
	Entries []entry `json:"entries"`
}

func (s *site) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.page)
	mux.HandleFunc("POST /{$}", s.sign)
	mux.HandleFunc("GET /api", s.show)
	mux.HandleFunc("POST /api", s.add)
	mux.HandleFunc("GET /healthz", s.health)
	return mux
}

func (s *site) state(request *http.Request) (state, error) {
	entries, err := s.book.entries()
	return state{Pod: s.pod, Node: s.node, Client: client(request), Entries: entries}, err
}

// client is the peer's address as this pod sees it. No header is believed: what the demonstration shows is whether the
// network kept the address.
func client(request *http.Request) string {
	host, _, err := net.SplitHostPort(request.RemoteAddr)
	if err != nil {
		return request.RemoteAddr
	}
	return host
}

func (s *site) show(writer http.ResponseWriter, request *http.Request) {
	now, err := s.state(request)
	if err != nil {
		fail(writer, err)
		return
	}
	answer(writer, http.StatusOK, now)
}

func (s *site) add(writer http.ResponseWriter, request *http.Request) {
	var body struct {
		Text string `json:"text"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(writer, request.Body, maxBody)).Decode(&body); err != nil {
		answer(writer, http.StatusBadRequest, map[string]string{"detail": "the body is not {\"text\": \"...\"}"})
		return
	}
	one, ok := s.entry(body.Text)
	if !ok {
		answer(writer, http.StatusUnprocessableEntity, map[string]string{"detail": "text must have 1 to 2000 characters"})
		return
	}
	if err := s.book.add(one); err != nil {
		fail(writer, err)
		return
	}
	answer(writer, http.StatusCreated, one)
}

func (s *site) sign(writer http.ResponseWriter, request *http.Request) {
	request.Body = http.MaxBytesReader(writer, request.Body, maxBody)
	one, ok := s.entry(request.PostFormValue("text"))
	if ok {
		if err := s.book.add(one); err != nil {
			fail(writer, err)
			return
		}
	}
	http.Redirect(writer, request, "/", http.StatusSeeOther)
}

func (s *site) entry(text string) (entry, bool) {
	text = strings.TrimSpace(text)
	if text == "" || len([]rune(text)) > maxText {
		return entry{}, false
	}
	return entry{Text: text, Pod: s.pod, At: time.Now().UTC().Truncate(time.Millisecond)}, true
}

func (s *site) health(writer http.ResponseWriter, _ *http.Request) {
	if _, err := s.book.entries(); err != nil {
		fail(writer, err)
		return
	}
	answer(writer, http.StatusOK, map[string]string{"status": "ok"})
}

func (s *site) page(writer http.ResponseWriter, request *http.Request) {
	now, err := s.state(request)
	if err != nil {
		fail(writer, err)
		return
	}
	writer.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(writer, now); err != nil {
		log.Printf("page: %v", err)
	}
}

func answer(writer http.ResponseWriter, status int, body any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	if err := json.NewEncoder(writer).Encode(body); err != nil {
		log.Printf("answer: %v", err)
	}
}

func fail(writer http.ResponseWriter, err error) {
	log.Print(err)
	answer(writer, http.StatusInternalServerError, map[string]string{"detail": err.Error()})
}

var page = template.Must(template.New("page").Parse(`<!doctype html>
<html lang="en">
<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Guest book on {{.Pod}}</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; max-width: 42rem; margin: 2rem auto; padding: 0 1rem; color: #1d2733; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; }
dt { color: #5b6b7c; } dd { margin: 0; font-family: ui-monospace, monospace; }
li { margin: .5rem 0; } small { color: #5b6b7c; } input { width: 70%; padding: .5rem; } button { padding: .5rem 1rem; }
</style>
<h1>Guest book</h1>
<dl>
<dt>Pod</dt><dd id="pod">{{.Pod}}</dd>
<dt>Node</dt><dd id="node">{{.Node}}</dd>
<dt>Your address</dt><dd id="client">{{.Client}}</dd>
</dl>
<form method="post" action="/"><input name="text" maxlength="2000" placeholder="Say something" required autofocus>
<button>Sign</button></form>
<ul id="entries">{{range .Entries}}<li>{{.Text}}<br><small>{{.At.Format "2006-01-02 15:04:05 UTC"}}, written by {{.Pod}}</small></li>
{{else}}<li><small>Nobody has signed yet.</small></li>{{end}}</ul>
</html>
`))
