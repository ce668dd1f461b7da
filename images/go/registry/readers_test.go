package main

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/distribution/distribution/v3/registry/auth"
)

func access(kind, action string) auth.Access {
	return auth.Access{Resource: auth.Resource{Type: kind, Name: "pause"}, Action: action}
}

func controller(t *testing.T, password string) auth.AccessController {
	t.Helper()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte(password), 0o600); err != nil {
		t.Fatal(err)
	}
	made, err := newReaders(map[string]any{"password_file": file})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func request(user, password string) *http.Request {
	made := httptest.NewRequest(http.MethodGet, "/v2/", nil)
	if user != "" {
		made.SetBasicAuth(user, password)
	}
	return made
}

func TestEverybodyPulls(t *testing.T) {
	reads := controller(t, "secret\n")
	for _, wanted := range [][]auth.Access{nil, {access("repository", "pull")}} {
		if _, err := reads.Authorized(request("", ""), wanted...); err != nil {
			t.Errorf("%v: %v", wanted, err)
		}
	}
}

func TestOnlyWhoKnowsThePasswordDoesMore(t *testing.T) {
	more := []auth.Access{
		access("repository", "push"), access("repository", "delete"), access("registry", "*"), access("registry", "pull"),
	}
	for _, wanted := range more {
		reads := controller(t, "secret\n")
		for _, who := range []*http.Request{
			request("", ""), request("navarch", "wrong"), request("navarch", ""), request("other", "secret"),
		} {
			_, err := reads.Authorized(who, access("repository", "pull"), wanted)
			var asked auth.Challenge
			if !errors.As(err, &asked) {
				t.Errorf("%v was not refused with a challenge: %v", wanted, err)
			}
		}
		grant, err := reads.Authorized(request("navarch", "secret"), access("repository", "pull"), wanted)
		if err != nil || grant.User.Name != "navarch" {
			t.Errorf("%v was refused to who knows the password: %v", wanted, err)
		}
	}
}

func TestAnEmptyPasswordOpensNothing(t *testing.T) {
	if _, err := controller(t, "\n").Authorized(request("navarch", ""), access("repository", "push")); err == nil {
		t.Error("an empty password was enough")
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, options := range []map[string]any{{}, {"password_file": ""}, {"password_file": "x", "realm": "y"}} {
		if _, err := newReaders(options); err == nil {
			t.Errorf("%v was taken", options)
		}
	}
}
