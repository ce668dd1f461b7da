package main

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func newSite(t *testing.T) (*site, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "data", "guestbook.jsonl")
	return &site{pod: "web-1", node: "node-1", book: &book{path: path}}, path
}

func ask(t *testing.T, s *site, method, path, body string) *httptest.ResponseRecorder {
	t.Helper()
	request := httptest.NewRequest(method, path, strings.NewReader(body))
	request.RemoteAddr = "198.51.100.7:40000"
	request.Header.Set("X-Forwarded-For", "203.0.113.9")
	if method == http.MethodPost && path == "/" {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	recorder := httptest.NewRecorder()
	s.handler().ServeHTTP(recorder, request)
	return recorder
}

func seen(t *testing.T, s *site) state {
	t.Helper()
	recorder := ask(t, s, http.MethodGet, "/api", "")
	if recorder.Code != http.StatusOK {
		t.Fatalf("GET /api: %d %s", recorder.Code, recorder.Body)
	}
	var now state
	if err := json.Unmarshal(recorder.Body.Bytes(), &now); err != nil {
		t.Fatal(err)
	}
	return now
}

func TestItSaysWhoAnsweredAndSeesTheClientsOwnAddress(t *testing.T) {
	s, _ := newSite(t)
	now := seen(t, s)
	if now.Pod != "web-1" || now.Node != "node-1" || now.Client != "198.51.100.7" {
		t.Errorf("got %+v", now)
	}
	if now.Entries == nil || len(now.Entries) != 0 {
		t.Errorf("an empty book is an empty list, got %v", now.Entries)
	}
}

func TestAnEntryIsThereForTheNextPodThatHasTheFile(t *testing.T) {
	s, path := newSite(t)
	if recorder := ask(t, s, http.MethodPost, "/api", `{"text": " hello "}`); recorder.Code != http.StatusCreated {
		t.Fatalf("POST /api: %d %s", recorder.Code, recorder.Body)
	}
	next := &site{pod: "web-2", book: &book{path: path}}
	entries := seen(t, next).Entries
	if len(entries) != 1 || entries[0].Text != "hello" || entries[0].Pod != "web-1" {
		t.Errorf("got %+v", entries)
	}
}

func TestALineCutOffByACrashHidesNoOther(t *testing.T) {
	s, path := newSite(t)
	ask(t, s, http.MethodPost, "/api", `{"text": "first"}`)
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteString("{\"text\": \"cut\n"); err != nil {
		t.Fatal(err)
	}
	file.Close()
	ask(t, s, http.MethodPost, "/api", `{"text": "second"}`)
	entries := seen(t, s).Entries
	if len(entries) != 2 || entries[1].Text != "second" {
		t.Errorf("got %+v", entries)
	}
}

func TestWhatCannotBeAnEntryIsRefused(t *testing.T) {
	s, _ := newSite(t)
	for body, status := range map[string]int{
		`nonsense`:       http.StatusBadRequest,
		`{"text": "  "}`: http.StatusUnprocessableEntity,
		`{"text": "` + strings.Repeat("x", maxText+1) + `"}`: http.StatusUnprocessableEntity,
		`{"text": "` + strings.Repeat("x", maxBody) + `"}`:   http.StatusBadRequest,
	} {
		if recorder := ask(t, s, http.MethodPost, "/api", body); recorder.Code != status {
			t.Errorf("%.20s: %d, not %d", body, recorder.Code, status)
		}
	}
	if entries := seen(t, s).Entries; len(entries) != 0 {
		t.Errorf("got %+v", entries)
	}
}

func TestThePageEscapesWhatGuestsWrite(t *testing.T) {
	s, _ := newSite(t)
	form := url.Values{"text": {"<script>alert(1)</script>"}}.Encode()
	if recorder := ask(t, s, http.MethodPost, "/", form); recorder.Code != http.StatusSeeOther {
		t.Fatalf("POST /: %d", recorder.Code)
	}
	body := ask(t, s, http.MethodGet, "/", "").Body.String()
	if strings.Contains(body, "<script>") || !strings.Contains(body, "&lt;script&gt;") {
		t.Error("the page holds a guest's markup")
	}
	if !strings.Contains(body, "198.51.100.7") || !strings.Contains(body, "web-1") {
		t.Error("the page does not say who answered whom")
	}
}

func TestABookThatCannotBeReadIsNotHealthy(t *testing.T) {
	s, path := newSite(t)
	if err := os.MkdirAll(path, 0o755); err != nil { // a folder where the file should be
		t.Fatal(err)
	}
	if recorder := ask(t, s, http.MethodGet, "/healthz", ""); recorder.Code != http.StatusInternalServerError {
		t.Errorf("healthz: %d", recorder.Code)
	}
}
