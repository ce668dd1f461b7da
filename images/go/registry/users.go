package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"

	"github.com/distribution/distribution/v3/registry/auth"
	"golang.org/x/crypto/bcrypt"
)

const _users = "users"

func init() {
	if err := auth.Register(_users, newUsers); err != nil {
		panic(err)
	}
}

// user is one who may come in. Its password is as it was given, or bcrypt's hash of it, as in an htpasswd file. Who is
// `pullOnly` takes images, and neither brings nor deletes any.
type user struct {
	Name     string `json:"name"`
	Password string `json:"password"`
	PullOnly bool   `json:"pullOnly"`
}

// users lets those in who are listed in a file, a JSON array. It is read at each request, so that a change of it needs
// no restart.
type users struct {
	file string
}

func newUsers(options map[string]any) (auth.AccessController, error) {
	file, ok := options["file"].(string)
	if !ok || file == "" {
		return nil, errors.New("auth.users.file must name the file with the users")
	}
	for option := range options {
		if option != "file" {
			return nil, fmt.Errorf("auth.users.%s is not an option", option)
		}
	}
	return &users{file: file}, nil
}

func (u *users) Authorized(request *http.Request, wanted ...auth.Access) (*auth.Grant, error) {
	listed, err := u.listed()
	if err != nil {
		return nil, err
	}
	name, password, _ := request.BasicAuth()
	for _, one := range listed {
		if one.Name == name && one.knows(password) && (!one.PullOnly || onlyPulls(wanted)) {
			return &auth.Grant{User: auth.UserInfo{Name: name}}, nil
		}
	}
	return nil, challenge{"this needs the name and the password of a user who may do it"}
}

func (u *users) listed() ([]user, error) {
	content, err := os.ReadFile(u.file)
	if err != nil {
		return nil, err
	}
	var listed []user
	if err := json.Unmarshal(content, &listed); err != nil {
		return nil, fmt.Errorf("%s: %w", u.file, err)
	}
	return listed, nil
}

// knows is false for an empty password, whatever is listed.
func (u user) knows(password string) bool {
	switch {
	case u.Password == "" || password == "":
		return false
	case strings.HasPrefix(u.Password, "$2"):
		return bcrypt.CompareHashAndPassword([]byte(u.Password), []byte(password)) == nil
	default:
		return same(password, u.Password)
	}
}
