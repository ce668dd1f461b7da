package main

import (
	"errors"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/distribution/distribution/v3/registry/auth"
)

// The hash is of "hashed", by `htpasswd -nbB`.
const _listed = `[
	{"name": "maker", "password": "made"},
	{"name": "taker", "password": "taken", "pullOnly": true},
	{"name": "old", "password": "$2y$05$` + _hash + `"},
	{"name": "empty", "password": ""}
]`

const _hash = "abcdefghijklmnopqrstuuNSpFWQRb2wqHbvI.3Wr9izcr8hQxuCi"

func TestWhoMayDoWhat(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.json")
	if err := os.WriteFile(file, []byte(_listed), 0o600); err != nil {
		t.Fatal(err)
	}
	controller, err := newUsers(map[string]any{"file": file})
	if err != nil {
		t.Fatal(err)
	}
	pull, push := access("repository", "pull"), access("repository", "push")
	for _, one := range []struct {
		name, password string
		wanted         []auth.Access
		may            bool
	}{
		{"maker", "made", []auth.Access{pull, push}, true},
		{"maker", "made", nil, true},
		{"maker", "taken", []auth.Access{pull}, false},
		{"maker", "", nil, false},
		{"taker", "taken", []auth.Access{pull}, true},
		{"taker", "taken", nil, true},
		{"taker", "taken", []auth.Access{pull, push}, false},
		{"taker", "taken", []auth.Access{access("repository", "delete")}, false},
		{"taker", "taken", []auth.Access{access("registry", "*")}, false},
		{"old", "hashed", []auth.Access{push}, true},
		{"old", "$2y$05$" + _hash, []auth.Access{push}, false},
		{"empty", "", nil, false},
		{"", "", nil, false},
	} {
		request := httptest.NewRequest("GET", "/v2/", nil)
		if one.name != "" {
			request.SetBasicAuth(one.name, one.password)
		}
		grant, err := controller.Authorized(request, one.wanted...)
		var challenge auth.Challenge
		if may := err == nil && grant.User.Name == one.name; may != one.may || (err != nil && !errors.As(err, &challenge)) {
			t.Errorf("%s with %q, %v: %v, %v", one.name, one.password, one.wanted, grant, err)
		}
	}
}

func TestUsersThatCannotBeReadLetNobodyIn(t *testing.T) {
	file := filepath.Join(t.TempDir(), "users.json")
	controller, err := newUsers(map[string]any{"file": file})
	if err != nil {
		t.Fatal(err)
	}
	request := httptest.NewRequest("GET", "/v2/", nil)
	request.SetBasicAuth("maker", "made")
	for _, content := range []string{"", "maker:made", `{"name": "maker"}`} {
		if content != "" {
			if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if grant, err := controller.Authorized(request); err == nil {
			t.Errorf("%q: %v", content, grant)
		}
	}
	if _, err := newUsers(map[string]any{"files": file}); err == nil {
		t.Error("an option that there is not was taken")
	}
}
