package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/distribution/distribution/v3/registry/auth"
)

const (
	_name  = "readers"
	_user  = "navarch"
	_realm = "navarch"
)

func init() {
	if err := auth.Register(_name, newReaders); err != nil {
		panic(err)
	}
}

// readers lets everybody pull, and whoever knows the password in a file do all else. The file is read at each such
// request, so that a new password needs no restart.
type readers struct {
	passwordFile string
}

func newReaders(options map[string]any) (auth.AccessController, error) {
	file, ok := options["password_file"].(string)
	if !ok || file == "" {
		return nil, errors.New("auth.readers.password_file must name the file with the password of those who push")
	}
	for option := range options {
		if option != "password_file" {
			return nil, fmt.Errorf("auth.readers.%s is not an option", option)
		}
	}
	return &readers{passwordFile: file}, nil
}

// Authorized is asked with what a request would do. Asking for nothing (GET /v2/) is how a client finds out whether
// it must say who it is: a reader need not.
func (r *readers) Authorized(request *http.Request, wanted ...auth.Access) (*auth.Grant, error) {
	if onlyPulls(wanted) {
		return &auth.Grant{}, nil
	}
	user, password, _ := request.BasicAuth()
	known, err := r.password()
	if err != nil {
		return nil, err
	}
	if user != _user || !same(password, known) {
		return nil, challenge{"this needs the password of those who push"}
	}
	return &auth.Grant{User: auth.UserInfo{Name: user}}, nil
}

func onlyPulls(wanted []auth.Access) bool {
	for _, access := range wanted {
		if access.Type != "repository" || access.Action != "pull" {
			return false
		}
	}
	return true
}

func (r *readers) password() (string, error) {
	content, err := os.ReadFile(r.passwordFile)
	if err != nil {
		return "", err
	}
	password := strings.TrimSpace(string(content))
	if password == "" {
		return "", fmt.Errorf("%s is empty", r.passwordFile)
	}
	return password, nil
}

// same takes as long for every guess of whatever length.
func same(guess, known string) bool {
	left, right := sha256.Sum256([]byte(guess)), sha256.Sum256([]byte(known))
	return subtle.ConstantTimeCompare(left[:], right[:]) == 1
}

// challenge is the answer 401: a client that has a password may come again with it.
type challenge struct{ said string }

func (c challenge) Error() string { return c.said }

func (challenge) SetHeaders(_ *http.Request, answer http.ResponseWriter) {
	answer.Header().Set("WWW-Authenticate", fmt.Sprintf("Basic realm=%q", _realm))
}
